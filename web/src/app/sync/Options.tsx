// The choices of a sync, each with a line that says what it does.
import type { Application } from "../../types";
import { Checkbox, Select, TextField } from "../../ui/Field";
import { short } from "../data";
import { newRetry, type Propagation, type Retry, type Switch, type SyncChoices } from "./choices";
import { choosable } from "./objects";
import { Objects } from "./Objects";
import { count } from "./preview";
import styles from "./Options.module.css";

interface Props {
  record: Application;
  choices: SyncChoices;
  wrong: { retry?: string; chosen?: string };
  onChange: (change: Partial<SyncChoices>) => void;
}

const texts: Record<Switch, [label: string, hint: string]> = {
  prune: ["Prune", "Delete what is no longer in Git. Without, it stays."],
  dryRun: ["Dry run", "Have the API server check every step, and change nothing."],
  applyOnly: ["Apply only, run no hooks", "The apply strategy: for when a hook is broken and the rest must go out."],
  force: ["Force", "What cannot be changed in place is deleted and created anew. It is gone for a moment."],
  replace: ["Replace", "Put whole manifests instead of applying them: what others added is lost."],
  serverSide: ["Server-side apply", "Always so here; with this, results say it by name."],
  createNamespace: ["Create the namespace", "Make the destination's namespace first when it is missing."],
  skipValidation: ["Skip schema validation", "Apply fields that the kind's schema does not have; the API server drops them."],
  pruneLast: ["Prune last", "Delete only after everything else is applied and healthy."],
};

export function Options({ record, choices, wrong, onChange }: Props) {
  const objects = choosable(record.status?.resources);
  const out = objects.filter((o) => o.out).length;
  const flip = (name: Switch) => <Flip key={name} name={name} choices={choices} onChange={onChange} />;
  const changed = moreChanged(choices, record);
  return (
    <form className={styles.options} onSubmit={(e) => e.preventDefault()} aria-label="What to sync, and how">
      <Revisions record={record} revisions={choices.revisions} onChange={(revisions) => onChange({ revisions })} />
      <fieldset className={styles.group}>
        <legend>Objects</legend>
        <Radio name="scope" checked={choices.scope === "all"} onChange={() => onChange({ scope: "all" })} label="Everything" hint={`All ${count(objects.length, "object")}; what differs is changed.`} />
        <Radio name="scope" checked={choices.scope === "outofsync"} onChange={() => onChange({ scope: "outofsync" })} label={`Only what is out of sync${out ? ` (${out})` : ""}`} hint="Hooks run all the same. Faster where there are many objects." />
        <Radio name="scope" checked={choices.scope === "chosen"} onChange={() => onChange({ scope: "chosen" })} label="Chosen objects" hint="Runs no hooks, and does not enter the history." />
        {choices.scope === "chosen" && <Objects resources={record.status?.resources} chosen={choices.chosen} onChange={(chosen) => onChange({ chosen })} error={wrong.chosen} />}
      </fieldset>
      <fieldset className={styles.group}>
        <legend>How</legend>
        {(["prune", "dryRun", "applyOnly", "force"] as const).map(flip)}
      </fieldset>
      <details className={styles.more} open={changed || undefined}>
        <summary>More options</summary>
        <div className={styles.group}>
          {(["replace", "serverSide", "createNamespace", "skipValidation", "pruneLast"] as const).map(flip)}
          <Select label="When an object is pruned, what it owns" value={choices.propagation} onChange={(e) => onChange({ propagation: e.target.value as Propagation })}>
            <option value="foreground">goes first, then the object (foreground)</option>
            <option value="background">goes after it (background)</option>
            <option value="orphan">stays (orphan)</option>
          </Select>
          <Retries retry={choices.retry} error={wrong.retry} onChange={(retry) => onChange({ retry })} />
        </div>
      </details>
    </form>
  );
}

/** Options in the folded part that are not as the application has them: then it is not folded. */
function moreChanged(c: SyncChoices, a: Application): boolean {
  return c.replace || c.skipValidation || JSON.stringify(c.retry?.limit) !== JSON.stringify(a.spec?.syncPolicy?.retry?.limit || undefined);
}

function Flip({ name, choices, onChange }: { name: Switch; choices: SyncChoices; onChange: Props["onChange"] }) {
  const [label, hint] = texts[name];
  return <Checkbox label={label} hint={hint} checked={choices[name]} onChange={(e) => onChange({ [name]: e.target.checked })} />;
}

function Radio({ label, hint, ...rest }: { name: string; checked: boolean; onChange: () => void; label: string; hint: string }) {
  return (
    <label className={styles.radio}>
      <input type="radio" {...rest} />
      <span>
        {label}
        <span className={styles.hint}>{hint}</span>
      </span>
    </label>
  );
}

function Revisions({ record, revisions, onChange }: { record: Application; revisions: string[]; onChange: (revisions: string[]) => void }) {
  const sources = record.spec?.sources ?? (record.spec?.source ? [record.spec.source] : []);
  return (
    <>
      {sources.map((s, i) => {
        const target = s.targetRevision || "HEAD";
        return (
          <TextField
            key={i}
            label={sources.length > 1 ? `Revision of source ${i + 1}: ${s.chart ?? s.path ?? s.ref ?? s.repoURL}` : "Revision"}
            placeholder={target}
            hint={`${s.chart ? "A version" : "A branch, tag or commit"}; empty is ${target}${record.status?.sync?.revision && sources.length === 1 ? `, now ${short(record.status.sync.revision)}` : ""}.`}
            value={revisions[i] ?? ""}
            spellCheck={false}
            autoCapitalize="none"
            onChange={(e) => onChange(revisions.map((r, n) => (n === i ? e.target.value : r)))}
          />
        );
      })}
    </>
  );
}

function Retries({ retry, error, onChange }: { retry: Retry | null; error?: string; onChange: (retry: Retry | null) => void }) {
  const set = (change: Partial<Retry>) => onChange({ ...retry!, ...change });
  return (
    <>
      <Checkbox label="Retry" hint="Try again when it fails, with growing pauses." checked={!!retry} onChange={(e) => onChange(e.target.checked ? newRetry() : null)} />
      {retry && (
        <div className={styles.retry}>
          <TextField label="How often" type="number" min={-1} value={Number.isNaN(retry.limit) ? "" : retry.limit} onChange={(e) => set({ limit: e.target.valueAsNumber })} />
          <TextField label="First pause" value={retry.pause} onChange={(e) => set({ pause: e.target.value })} />
          <TextField label="Times" type="number" min={1} value={Number.isNaN(retry.factor) ? "" : retry.factor} onChange={(e) => set({ factor: e.target.valueAsNumber })} />
          <TextField label="Longest pause" value={retry.longest} onChange={(e) => set({ longest: e.target.value })} />
          {error && <p className={styles.error}>{error}</p>}
          <Checkbox className={styles.wide} label="Use the newest commit each time" checked={retry.refresh} onChange={(e) => set({ refresh: e.target.checked })} />
        </div>
      )}
    </>
  );
}
