import { CircleAlert, CircleCheck, LoaderCircle, TriangleAlert } from "lucide-react";
import type { ApplicationValidateResponse, DraftObject, Finding } from "../types";
import { ApiError } from "../api";
import type { Check } from "./draft";
import { byKind, errorsOf, fieldWords, objectChanges, withoutHooks, type KindCount } from "./findings";
import { count } from "./Sources";
import { listed } from "./sentence";
import type { Fault } from "./yaml";
import styles from "./Edit.module.css";

/** The state of a draft in a few words: for beside the button. */
export function verdict(check: Check, fault: Fault | undefined): { tone: "good" | "bad" | "waiting"; words: string } {
  if (fault) return { tone: "bad", words: `The YAML cannot be read: line ${fault.line}` };
  if (check.error) return { tone: "bad", words: "It could not be checked" };
  if (!check.answer) return { tone: "waiting", words: "Checking…" };
  const wrong = errorsOf(check.answer.findings ?? []).length;
  if (wrong > 0) return { tone: "bad", words: count(wrong, "thing to mend", "things to mend") };
  return { tone: check.waiting ? "waiting" : "good", words: check.waiting ? "Checking…" : `${amount(check.answer.objects ?? [])} would be managed` };
}

/** "6 objects", "6 objects and 2 hooks". */
function amount(list: readonly DraftObject[]): string {
  const objects = withoutHooks(list).length;
  const hooks = list.length - objects;
  return listed([count(objects, "object", "objects"), hooks > 0 ? count(hooks, "hook", "hooks") : ""].filter(Boolean));
}

/** What the server thinks: what is wrong, and what would be made. */
export function Preview({ check, fault, now, onGo }: { check: Check; fault?: Fault; /** the objects that the application has today */ now?: readonly { group?: string; kind?: string; namespace?: string; name?: string }[]; onGo: (field: string) => void }) {
  const findings = check.answer?.findings ?? [];
  return (
    <section className={styles.preview} aria-label="What would come of it">
      <h2>
        What would come of it
        {check.waiting && (
          <span className={styles.checking} role="status">
            <LoaderCircle aria-hidden className={styles.turns} /> Checking…
          </span>
        )}
      </h2>
      {fault ? (
        <p className={styles.finding}>
          <CircleAlert aria-hidden className={styles.bad} />
          <span>
            Line {fault.line}: {fault.message}
          </span>
        </p>
      ) : check.error ? (
        <p className={styles.finding} role="alert">
          <CircleAlert aria-hidden className={styles.bad} />
          <span>{refusal(check.error)}</span>
        </p>
      ) : check.answer ? (
        <>
          <Findings list={findings} onGo={onGo} />
          {errorsOf(findings).length === 0 && <Objects answer={check.answer} now={now} />}
        </>
      ) : (
        <p className={styles.hint}>The server looks at the repository, the project and the cluster as you write. Nothing is stored.</p>
      )}
    </section>
  );
}

function refusal(error: unknown): string {
  if (error instanceof ApiError && error.status === 403) return "You may not make this application, so that it cannot be checked either. Choose a project that you may create in.";
  return error instanceof Error ? error.message : String(error);
}

function Findings({ list, onGo }: { list: readonly Finding[]; onGo: (field: string) => void }) {
  if (list.length === 0) return null;
  return (
    <ul className={styles.findings}>
      {list.map((f, i) => (
        <li key={i} className={styles.finding}>
          {f.warning ? <TriangleAlert aria-label="Warning" className={styles.odd} /> : <CircleAlert aria-label="Wrong" className={styles.bad} />}
          <span>
            <button type="button" className={styles.go} onClick={() => onGo(f.field ?? "")}>
              {fieldWords(f.field)}
            </button>{" "}
            {f.message}
          </span>
        </li>
      ))}
    </ul>
  );
}

const inWords = (kinds: KindCount[]) => {
  const first = kinds.slice(0, kinds.length > 5 ? 4 : 5).map((k) => `${k.objects.length} ${k.kind}`);
  return listed(kinds.length > 5 ? [...first, `${kinds.length - 4} more kinds`] : first);
};

/** As few as this are shown at once, by their names. */
const few = 15;

/** Of one kind, no more than this are named. */
const mostNames = 100;

function Objects({ answer, now }: { answer: ApplicationValidateResponse; now?: readonly { group?: string; kind?: string; namespace?: string; name?: string }[] }) {
  const list = answer.objects ?? [];
  if (list.length === 0) return null;
  const kinds = byKind(list);
  const change = now && objectChanges(now, list);
  return (
    <>
      <p className={styles.finding}>
        <CircleCheck aria-hidden className={styles.good} />
        <span>
          {now ? `It would have ${amount(list)}` : `${amount(list)} would be made`}: {inWords(kinds)}.
          {change && change.added.length > 0 && <strong> {count(change.added.length, "is", "are")} new: {names(change.added)}.</strong>}
          {change && change.dropped.length > 0 && <strong> {count(change.dropped.length, "is", "are")} no longer in it: {names(change.dropped)}.</strong>}
        </span>
      </p>
      {kinds.map((k) => (
        <details key={k.group + k.kind} className={styles.kind} open={list.length <= few || undefined}>
          <summary>
            {k.objects.length} {k.kind} {k.group && <span className={styles.hint}>{k.group}</span>}
            {k.objects.some((o) => o.refused) && <span className={styles.refused}> not permitted</span>}
            {k.objects.some((o) => o.sharedWith) && <span className={styles.shared}> shared</span>}
          </summary>
          <ul>
            {k.objects.slice(0, mostNames).map((o, i) => (
              <ObjectLine key={i} of={o} />
            ))}
            {k.objects.length > mostNames && <li className={styles.hint}>and {k.objects.length - mostNames} more</li>}
          </ul>
        </details>
      ))}
    </>
  );
}

function ObjectLine({ of: o }: { of: DraftObject }) {
  return (
    <li>
      {o.namespace && <span className={styles.hint}>{o.namespace}/</span>}
      {o.name}
      {o.hook && <span className={styles.hint}> hook, run in a sync</span>}
      {o.refused && <span className={styles.refused}> not permitted: {o.refused}</span>}
      {o.sharedWith && <span className={styles.shared}> belongs to {o.sharedWith} already</span>}
    </li>
  );
}

const names = (list: readonly { kind?: string; name?: string }[]) => listed(list.slice(0, 3).map((o) => `${o.kind} ${o.name}`)) + (list.length > 3 ? ` and ${list.length - 3} more` : "");
