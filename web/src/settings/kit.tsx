// What the screens of the settings have in common: a head, a table that becomes cards where there is little room, forms
// in a dialog at the side, a question before what cannot be undone, and a secret that is shown once.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ChevronRight, Plus, Search, X } from "lucide-react";
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";
import { useTitle } from "../shell/Shell";
import { Button, IconButton } from "../ui/Button";
import { Copy } from "../ui/Copy";
import { Dialog } from "../ui/Dialog";
import { TextField } from "../ui/Field";
import { Failure } from "../ui/Say";
import styles from "./kit.module.css";
import type { Place } from "./places";
import type { SettingsSearch } from "./search";

/** Changes what the screen shows; what is undefined is taken out of the address. */
export function useShow() {
  const navigate = useNavigate();
  return (change: SettingsSearch, replace = false) => void navigate({ to: ".", search: (s: object) => ({ ...s, ...change }), replace });
}

export const useSettingsSearch = () => useSearch({ strict: false }) as SettingsSearch;

interface ScreenProps {
  place: Place;
  /** The one item that the screen is about, when it is not about all. */
  item?: string;
  /** Replaces the sentence on what the place is for. */
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Screen({ place, item, about, actions, children }: ScreenProps) {
  useTitle(item ? `${item} · ${place.title}` : place.title);
  return (
    <div className={styles.screen}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/settings">Settings</Link>
        {item && (
          <>
            <ChevronRight aria-hidden />
            <Link to="/settings/$section" params={{ section: place.path }}>
              {place.title}
            </Link>
          </>
        )}
      </nav>
      <header className={styles.head}>
        <div>
          <h1>{item ?? place.title}</h1>
          <p className={styles.about}>{about ?? place.about}</p>
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a screen, with a heading. */
export function Part({ title, about, actions, children }: { title: ReactNode; about?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.part}>
      <header className={styles.head}>
        <div>
          <h2>{title}</h2>
          {about && <p className={styles.about}>{about}</p>}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </header>
      {children}
    </section>
  );
}

export interface Column<T> {
  head: string;
  cell: (row: T) => ReactNode;
  /** Takes the room that is left. */
  wide?: boolean;
  /** Numbers stand at the right. */
  number?: boolean;
}

/** A table, with its roles written out: as cards, it would lose them. More than a page of rows is shown on demand, so that a long list costs what is looked at. */
export function Table<T>({ label, rows, id, columns }: { label: string; rows: T[]; id: (row: T) => string; columns: Column<T>[] }) {
  const [shown, setShown] = useState(100);
  return (
    <div className={styles.tableBox}>
      <table role="table" className={styles.table} aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((c) => (
              <th key={c.head} role="columnheader" scope="col" className={c.number ? styles.number : undefined}>
                {c.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.slice(0, shown).map((row) => (
            <tr key={id(row)} role="row">
              {columns.map((c, i) => {
                const Cell = i === 0 ? "th" : "td";
                return (
                  <Cell key={c.head} role={i === 0 ? "rowheader" : "cell"} scope={i === 0 ? "row" : undefined} data-label={c.head} className={[c.wide && styles.wide, c.number && styles.number].filter(Boolean).join(" ") || undefined}>
                    <div>{c.cell(row)}</div>
                  </Cell>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <Button look="quiet" onClick={() => setShown(shown + 200)}>
          Show more ({rows.length - shown} are not shown)
        </Button>
      )}
    </div>
  );
}

/** The field above a list: words that must all stand somewhere in a row. */
export function Find({ what }: { what: string }) {
  const { find } = useSettingsSearch();
  const show = useShow();
  return (
    <div className={styles.find}>
      <Search aria-hidden />
      <input type="search" aria-label={`Find ${what}`} placeholder={`Find ${what}`} value={find ?? ""} onChange={(e) => show({ find: e.target.value || undefined }, true)} />
    </div>
  );
}

export function found(find: string | undefined, ...texts: (string | undefined)[]): boolean {
  if (!find) return true;
  const all = texts.join(" ").toLowerCase();
  return find.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

/** What is known of one thing, as name and value. What is not set is left out. */
export function Facts({ of }: { of: [name: string, value: ReactNode][] }) {
  return (
    <dl className={styles.facts}>
      {of.map(([name, value]) =>
        value === undefined || value === null || value === "" || value === false ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** A quiet sentence: why something is not offered, or what to know. */
export function Note({ children }: { children: ReactNode }) {
  return <p className={styles.note}>{children}</p>;
}

/** Small labels in a row. */
export function Tags({ of, none }: { of: string[] | undefined; none?: string }) {
  if (!of?.length) return none ? <span className={styles.none}>{none}</span> : null;
  return (
    <ul className={styles.tags}>
      {of.map((t) => (
        <li key={t}>{t}</li>
      ))}
    </ul>
  );
}

interface FormProps {
  title: ReactNode;
  onClose: () => void;
  /** Does it; what it throws is shown in the form. */
  onSubmit: () => Promise<unknown>;
  /** The words on the button, and while it works. */
  submit: string;
  submitting: string;
  /** "save the repository": ends the sentence "Could not …". */
  doing: string;
  /** Takes errors that stand beside a field of their own: then they are not shown at the end as well. */
  takes?: (error: unknown) => boolean;
  /** More to press, before the button that submits. */
  extra?: ReactNode;
  disabled?: boolean;
  width?: "narrow" | "normal" | "wide";
  children: ReactNode;
}

const first = "input:not([readonly], [hidden]), select, textarea";

/** A form in a dialog at the side. Nothing is lost when the server refuses: it stays open, with what was written. */
export function FormDialog({ title, onClose, onSubmit, submit, submitting, doing, takes, extra, disabled, width = "normal", children }: FormProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [written, setWritten] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  // A dialog begins at its first button, which closes it: a form begins at its first field.
  useEffect(() => form.current?.querySelector<HTMLElement>(first)?.focus(), []);
  useEffect(() => form.current?.querySelector('[role="alert"]')?.scrollIntoView({ block: "nearest" }), [error]);
  const go = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const goOn = () => {
    setLeaving(false);
    form.current?.querySelector<HTMLElement>(first)?.focus();
  };
  return (
    <Dialog
      title={title}
      // Escape and a click beside it are soon done by mistake: who has written something is asked.
      onClose={leaving ? goOn : written ? () => setLeaving(true) : onClose}
      place="side"
      width={width}
      actions={leaving ? (
        <>
          <p className={styles.leaving} role="alert">Throw away what you have written?</p>
          <Button look="danger" onClick={onClose}>Throw it away</Button>
          <Button look="primary" autoFocus onClick={goOn}>Go on writing</Button>
        </>
      ) : (
        <>
          <Button onClick={onClose}>Cancel</Button>
          {extra}
          <Button type="submit" form={id} look="primary" busy={busy && submitting} disabled={disabled}>
            {submit}
          </Button>
        </>
      )}
    >
      <form ref={form} id={id} className={styles.form} onSubmit={go} onInput={() => setWritten(true)}>
        {children}
        {error !== undefined && !takes?.(error) && <Failure error={error} doing={doing} />}
      </form>
    </Dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** The words on the button: "Delete project shop". */
  verb: string;
  verbing: string;
  doing: string;
  /** What must be typed first, where the loss is great. */
  type?: string;
  onClose: () => void;
  onConfirm: () => Promise<unknown>;
}

/** Asks before what cannot be undone. */
export function Confirm({ title, children, verb, verbing, doing, type, onClose, onConfirm }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [typed, setTyped] = useState("");
  const go = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      width="narrow"
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" busy={busy && verbing} disabled={type !== undefined && typed !== type} onClick={() => void go()}>
            {verb}
          </Button>
        </>
      }
    >
      <div className={styles.form}>
        {children}
        {type !== undefined && <TextField label={<>Type <code>{type}</code> to go on</>} value={typed} autoComplete="off" spellCheck={false} onChange={(e) => setTyped(e.target.value)} />}
        {error !== undefined && <Failure error={error} doing={doing} />}
      </div>
    </Dialog>
  );
}

/** A secret that the server gives out once: it is in this dialog, and nowhere when that is closed. */
export function Once({ title, text, children, onClose }: { title: string; text: string; children: ReactNode; onClose: () => void }) {
  return (
    <Dialog title={title} firm onClose={onClose} actions={<Button look="primary" onClick={onClose}>I have kept it</Button>}>
      <div className={styles.form}>
        <p>
          <strong>Copy it now: it is not shown again.</strong>
        </p>
        <div className={styles.secret}>
          <code tabIndex={0} aria-label="The token">
            {text}
          </code>
          <Copy text={text} label="Copy the token" />
        </div>
        {children}
      </div>
    </Dialog>
  );
}

interface RowsProps<T> {
  label: string;
  hint?: ReactNode;
  value: T[];
  onChange: (value: T[]) => void;
  columns: { key: keyof T & string; label: string; placeholder?: string; options?: string[] }[];
  /** What one row is called: "destination". */
  noun: string;
  blank: T;
}

/** Edits a list of small records, one in a row. */
export function Rows<T extends object>({ label, hint, value, onChange, columns, noun, blank }: RowsProps<T>) {
  const id = useId();
  const text = (row: T, key: keyof T) => (row[key] as string | undefined) ?? "";
  const set = (i: number, key: keyof T, v: string) => onChange(value.map((row, j) => (j === i ? { ...row, [key]: v || undefined } : row)));
  return (
    <fieldset className={styles.rows}>
      <legend>{label}</legend>
      {hint && <p className={styles.hint}>{hint}</p>}
      {value.map((row, i) => (
        <div key={i} className={styles.row}>
          {columns.map((c) => (
            <div key={c.key} className={styles.rowCell}>
              <input
                aria-label={`${c.label} of ${noun} ${i + 1}`}
                placeholder={c.placeholder ?? c.label}
                value={text(row, c.key)}
                list={c.options ? `${id}-${c.key}` : undefined}
                spellCheck={false}
                autoComplete="off"
                onChange={(e) => set(i, c.key, e.target.value)}
              />
            </div>
          ))}
          <IconButton label={`Remove ${noun} ${i + 1}`} onClick={() => onChange(value.filter((_, j) => j !== i))}>
            <X />
          </IconButton>
        </div>
      ))}
      {columns.map((c) =>
        c.options ? (
          <datalist key={c.key} id={`${id}-${c.key}`}>
            {c.options.map((o) => (
              <option key={o} value={o} />
            ))}
          </datalist>
        ) : null,
      )}
      <Button small look="quiet" icon={<Plus />} onClick={() => onChange([...value, { ...blank }])}>
        Add {noun}
      </Button>
    </fieldset>
  );
}

/** Edits a list of texts. */
export function Texts({ value, onChange, placeholder, options, column = "Value", ...rest }: Omit<RowsProps<{ v?: string }>, "value" | "onChange" | "columns" | "blank"> & { value: string[]; onChange: (value: string[]) => void; placeholder?: string; options?: string[]; column?: string }) {
  return <Rows {...rest} value={value.map((v) => ({ v }))} onChange={(list) => onChange(list.map((r) => r.v ?? ""))} columns={[{ key: "v", label: column, placeholder, options }]} blank={{ v: "" }} />;
}
