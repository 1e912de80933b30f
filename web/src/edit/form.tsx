// The parts of the form. Each knows the path of its field in the document: it shows what stands there, writes what is
// chosen, and says what the server finds wrong with exactly that field.
import { Plus, X } from "lucide-react";
import { createContext, useContext, useId, useState, type ReactNode } from "react";
import type { Application, Finding } from "../types";
import { Button, IconButton } from "../ui/Button";
import { Checkbox, Select, TextArea, TextField } from "../ui/Field";
import { fieldName, findingsAt } from "./findings";
import { at, put } from "./value";
import { same, type Path } from "./yaml";
import styles from "./Edit.module.css";

interface Form {
  value: Application;
  change: (f: (now: Application) => Application) => void;
  findings: readonly Finding[];
  /** An application that there is already: its name stays. */
  existing: boolean;
}

export const FormContext = createContext<Form | undefined>(undefined);

export function useForm() {
  const form = useContext(FormContext);
  if (!form) throw new Error("a field stands outside the form");
  return {
    ...form,
    get: <T,>(path: Path) => at<T>(form.value, path),
    set: (path: Path, to: unknown) => form.change((now) => put(now, path, to)),
  };
}

/** What is wrong with a field: shown once there is something in it, or the reader has been there. */
function useFinding(path: Path, empty: boolean) {
  const { findings } = useForm();
  const [visited, setVisited] = useState(false);
  const list = findingsAt(findings, path);
  const error = list.find((f) => !f.warning)?.message;
  const warning = list.find((f) => f.warning)?.message;
  return { error: empty && !visited ? undefined : error, warning, onBlur: () => setVisited(true) };
}

const text = (v: unknown) => (v === undefined || v === null ? "" : typeof v === "object" ? JSON.stringify(v) : String(v));

interface FieldProps {
  path: Path;
  label: ReactNode;
  hint?: ReactNode;
  placeholder?: string;
  /** An empty field stays in the document: it is one that has to be filled in. */
  keep?: boolean;
  suggest?: readonly string[];
  className?: string;
  numeric?: boolean;
}

/** One line of text, with suggestions if there are any. */
export function Text({ path, label, hint, keep, suggest, numeric, ...rest }: FieldProps) {
  const { get, set } = useForm();
  const list = useId();
  const value = text(get(path));
  const { error, warning, onBlur } = useFinding(path, value === "");
  const write = (v: string) => {
    if (numeric) return set(path, v === "" ? undefined : /^-?\d+$/.test(v) ? Number(v) : v);
    set(path, v === "" && !keep ? undefined : v);
  };
  return (
    <>
      <TextField
        label={label}
        hint={warning ? <span className={styles.warning}>{warning}</span> : hint}
        error={error}
        name={fieldName(path)}
        value={value}
        onChange={(e) => write(e.target.value)}
        onBlur={onBlur}
        list={suggest && suggest.length > 0 ? list : undefined}
        inputMode={numeric ? "numeric" : undefined}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        {...rest}
      />
      {suggest && suggest.length > 0 && (
        <datalist id={list}>
          {suggest.slice(0, 500).map((s) => (
            <option key={s} value={s} />
          ))}
        </datalist>
      )}
    </>
  );
}

export function Area({ path, label, hint, placeholder, rows = 6 }: FieldProps & { rows?: number }) {
  const { get, set } = useForm();
  const value = text(get(path));
  const { error, warning, onBlur } = useFinding(path, value === "");
  return (
    <TextArea label={label} hint={warning ?? hint} error={error} name={fieldName(path)} value={value} rows={rows} placeholder={placeholder} spellCheck={false} onBlur={onBlur} onChange={(e) => set(path, e.target.value === "" ? undefined : e.target.value)} />
  );
}

export function Choose({ path, label, hint, children, value, onChange }: Omit<FieldProps, "keep"> & { children: ReactNode; value?: string; onChange?: (v: string) => void }) {
  const { get, set } = useForm();
  const { error, warning, onBlur } = useFinding(path, false);
  return (
    <Select label={label} hint={warning ? <span className={styles.warning}>{warning}</span> : hint} error={error} name={fieldName(path)} value={value ?? text(get(path))} onBlur={onBlur} onChange={(e) => (onChange ? onChange(e.target.value) : set(path, e.target.value || undefined))}>
      {children}
    </Select>
  );
}

/** A field that is true or not there. */
export function Flag({ path, label, hint }: FieldProps) {
  const { get, set } = useForm();
  return <Checkbox label={label} hint={hint} name={fieldName(path)} checked={get(path) === true} onChange={(e) => set(path, e.target.checked ? true : undefined)} />;
}

/** A list of texts, one a line. */
export function Lines({ path, label, hint, placeholder, rows = 2, offer }: FieldProps & { rows?: number; /** what could be added with one press */ offer?: readonly string[] }) {
  const { get, set } = useForm();
  const list = asTexts(get(path));
  const [written, setWritten] = useState(list.join("\n"));
  const { error, warning, onBlur } = useFinding(path, list.length === 0);
  // What stands in the document counts; what is written may have empty lines besides.
  const shown = same(linesOf(written), list) ? written : list.join("\n");
  const write = (t: string) => {
    setWritten(t);
    const next = linesOf(t);
    if (!same(next, list)) set(path, next.length > 0 ? next : undefined);
  };
  const more = (offer ?? []).filter((o) => !list.includes(o)).slice(0, 12);
  return (
    <div className={styles.lines}>
      <TextArea label={label} hint={warning ?? hint} error={error} name={fieldName(path)} value={shown} rows={Math.min(8, Math.max(rows, shown.split("\n").length))} placeholder={placeholder} spellCheck={false} onBlur={onBlur} onChange={(e) => write(e.target.value)} />
      {more.length > 0 && (
        <div className={styles.offers} role="group" aria-label="Found in the repository">
          <span>Found:</span>
          {more.map((o) => (
            <Button key={o} small icon={<Plus />} onClick={() => write([...list, o].join("\n"))}>
              {o}
            </Button>
          ))}
        </div>
      )}
    </div>
  );
}

const linesOf = (t: string) => t.split("\n").map((l) => l.trim()).filter(Boolean);
const asTexts = (v: unknown) => (Array.isArray(v) ? v.map(text) : []);

interface RowsProps {
  path: Path;
  label: string;
  hint?: ReactNode;
  /** What one of them is called: "label". */
  item: string;
  names?: readonly string[];
  /** What stands where nothing is set, by name. */
  defaults?: Record<string, string>;
  placeholders?: [string, string];
}

/** Names and values, of a map: labels, annotations. */
export function Pairs(props: RowsProps) {
  const { get, set } = useForm();
  const map = get<Record<string, unknown>>(props.path);
  const rows = Object.entries(typeof map === "object" && map !== null ? map : {}).map(([name, value]): Row => ({ name, value: text(value) }));
  const toMap = (list: Row[]) => Object.fromEntries(list.map((r) => [r.name, r.value]));
  return <Rows {...props} rows={rows} unique write={(list) => set(props.path, list.length > 0 ? toMap(list) : undefined)} />;
}

/** Names and values, of a list of objects that may say more: parameters, info. */
export function NamedValues({ flag, ...props }: RowsProps & { /** one more field, true or not there */ flag?: { field: string; label: string } }) {
  const { get, set } = useForm();
  const list = get<Row[]>(props.path);
  const rows = (Array.isArray(list) ? list : []).map((r): Row => ({ ...r, name: text(r?.name), value: text(r?.value) }));
  return <Rows {...props} rows={rows} flag={flag} write={(next) => set(props.path, next.length > 0 ? next : undefined)} />;
}

interface Row {
  name: string;
  value: string;
  [more: string]: unknown;
}

/** A row whose name is not written yet is not in the document. */
const named = (list: Row[]) => list.filter((r) => r.name !== "");

function Rows({ path, label, hint, item, names, defaults, placeholders, rows, write, unique, flag }: RowsProps & { rows: Row[]; write: (rows: Row[]) => void; unique?: boolean; flag?: { field: string; label: string } }) {
  const [local, setLocal] = useState<Row[]>(rows);
  const list = useId();
  const legible = unique ? named(local).filter((r, i, all) => all.findIndex((o) => o.name === r.name) === i) : named(local);
  const shown = same(legible, rows) ? local : rows;
  const update = (next: Row[]) => {
    setLocal(next);
    const all = named(next);
    const clear = unique ? all.filter((r, i) => all.findIndex((o) => o.name === r.name) === i) : all;
    if (!same(clear, rows)) write(clear);
  };
  const set = (i: number, change: Partial<Row>) => update(shown.map((r, j) => (j === i ? { ...r, ...change } : r)));
  const { findings } = useForm();
  const found = findingsAt(findings, path)[0]?.message;
  return (
    <fieldset className={styles.rows}>
      <legend>{label}</legend>
      {hint && <p className={styles.hint}>{hint}</p>}
      {found && <p className={styles.wrong}>{found}</p>}
      {shown.map((r, i) => (
        <div key={i} className={styles.row}>
          <input className={styles.input} aria-label={`Name of ${item} ${i + 1}`} placeholder={placeholders?.[0] ?? "name"} list={names && names.length > 0 ? list : undefined} value={r.name} spellCheck={false} autoCapitalize="off" autoComplete="off" onChange={(e) => set(i, { name: e.target.value })} />
          <input className={styles.input} aria-label={`Value of ${item} ${r.name || i + 1}`} placeholder={defaults?.[r.name] ? `${defaults[r.name]} (as it is)` : (placeholders?.[1] ?? "value")} value={r.value} spellCheck={false} autoCapitalize="off" autoComplete="off" onChange={(e) => set(i, { value: e.target.value })} />
          {flag && (
            <label className={styles.rowFlag}>
              <input type="checkbox" checked={r[flag.field] === true} onChange={(e) => set(i, { [flag.field]: e.target.checked || undefined })} />
              {flag.label}
            </label>
          )}
          <IconButton label={`Remove ${item} ${r.name || i + 1}`} onClick={() => update(shown.filter((_, j) => j !== i))}>
            <X />
          </IconButton>
          {unique && r.name !== "" && shown.findIndex((o) => o.name === r.name) !== i && <p className={styles.wrong}>{r.name} is there already.</p>}
        </div>
      ))}
      {names && names.length > 0 && (
        <datalist id={list}>
          {names.slice(0, 500).map((n) => (
            <option key={n} value={n}>{defaults?.[n]}</option>
          ))}
        </datalist>
      )}
      <Button small icon={<Plus />} onClick={() => update([...shown, { name: "", value: "" }])}>
        Add {/^[aeiou]/.test(item) ? "an" : "a"} {item}
      </Button>
    </fieldset>
  );
}

/** A choice among a few, each in a sentence. */
export function Radios({ label, value, onChange, choices }: { label: string; value: string; onChange: (v: string) => void; choices: { value: string; label: ReactNode; hint?: ReactNode }[] }) {
  const name = useId();
  return (
    <fieldset className={styles.radios}>
      <legend>{label}</legend>
      {choices.map((c) => (
        <label key={c.value} className={styles.radio}>
          <input type="radio" name={name} checked={value === c.value} onChange={() => onChange(c.value)} />
          <span>
            {c.label}
            {c.hint && <span className={styles.hint}>{c.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** What most people leave as it is, folded; open when something in it is set or wrong. */
export function More({ title, open, children }: { title: ReactNode; open?: boolean; children: ReactNode }) {
  return (
    <details className={styles.more} open={open || undefined}>
      <summary>{title}</summary>
      <div className={styles.fields}>{children}</div>
    </details>
  );
}

export function Section({ title, path, children, actions }: { title: ReactNode; /** whose own findings stand below the title */ path?: Path; children: ReactNode; actions?: ReactNode }) {
  const { findings } = useForm();
  const found = path ? findingsAt(findings, path) : [];
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      {found.map((f, i) => (
        <p key={i} className={f.warning ? styles.warning : styles.wrong}>{f.message}</p>
      ))}
      <div className={styles.fields}>{children}</div>
    </section>
  );
}
