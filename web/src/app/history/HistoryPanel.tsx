// The history: what was deployed, by whom, and which commits it brought; any two deployments compared; and the ways back.
import { ArrowLeft, CircleCheck, CirclePause, CircleX, GitCompareArrows, History, LoaderCircle, Undo2 } from "lucide-react";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useMay, useSettings } from "../../session";
import { between } from "../../time";
import type { AppName, Application } from "../../types";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Dialog } from "../../ui/Dialog";
import { Empty } from "../../ui/Say";
import { Time } from "../../ui/Time";
import type { PanelProps } from "../AppPanel";
import { useShow } from "../ApplicationPage";
import { policyObject, short, useRevision } from "../data";
import { personOf } from "../header/why";
import { sourceWords } from "../header/words";
import { Commits } from "./Commits";
import { Compare } from "./Compare";
import { HoldNotice } from "./Hold";
import styles from "./HistoryPanel.module.css";
import { compareTab, entriesOf, parseMode, type Entry, type Result } from "./history";
import { Rollback } from "./Rollback";

export function HistoryPanel({ app, record, onClose }: PanelProps) {
  const { tab } = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const entries = entriesOf(record);
  const mode = parseMode(tab);
  const find = (id: number) => entries.find((e) => e.id === id);
  const back = (
    <Button small look="quiet" icon={<ArrowLeft />} onClick={() => show({ tab: undefined })}>
      All deployments
    </Button>
  );

  if (mode.kind === "compare") {
    const [from, to] = [find(mode.from), find(mode.to)];
    return (
      <Dialog title={`${app.name}: #${mode.from} against #${mode.to}`} place="side" width="wide" onClose={onClose}>
        {back}
        {from && to ? <Compare app={app} from={from} to={to} /> : <Gone />}
      </Dialog>
    );
  }
  if (mode.kind === "rollback") {
    const to = find(mode.to);
    return to && entries.length > 1 ? (
      <Rollback app={app} record={record} to={to} back={back} onClose={onClose} />
    ) : (
      <Dialog title="Roll back" place="side" width="wide" onClose={onClose}>
        {back}
        <Gone />
      </Dialog>
    );
  }
  return (
    <Dialog title={`History of ${app.name}`} place="side" width="wide" onClose={onClose}>
      <List app={app} record={record} entries={entries} />
    </Dialog>
  );
}

const Gone = () => (
  <Empty title="That deployment is not in the history any more">
    <p>The application keeps only its last deployments (spec.revisionHistoryLimit).</p>
  </Empty>
);

/** How many deployments are drawn at first: each asks for its commits. */
const page = 15;

function List({ app, record, entries }: { app: AppName; record: Application; entries: Entry[] }) {
  const show = useShow();
  const [picked, setPicked] = useState<number[]>([]);
  const [shown, setShown] = useState(page);
  const object = policyObject(record, useSettings()?.controllerNamespace);
  const mayRollback = useMayRollback(object);
  const deployments = entries.filter((e) => e.id !== undefined);
  const runs = deployments[0]?.revisions.join(" ");
  if (entries.length === 0) {
    return (
      <Empty title="Nothing was deployed yet" icon={<History />}>
        <p>Each finished sync becomes an entry here: which commit, by whom, how long it took. Sync the application to make the first.</p>
        <Button look="primary" onClick={() => show({ panel: "sync" })}>
          Sync
        </Button>
      </Empty>
    );
  }
  const pick = (id: number) => setPicked((p) => (p.includes(id) ? p.filter((x) => x !== id) : [...p.slice(-1), id]));
  const ready = picked.length === 2;
  return (
    <div className={styles.history}>
      <HoldNotice app={app} record={record} />
      {deployments.length > 1 && (
        <div className={styles.bar}>
          <span aria-live="polite">{ready ? `#${Math.min(...picked)} and #${Math.max(...picked)} are picked.` : picked.length === 1 ? "Pick one more to compare." : "Pick any two to compare them."}</span>
          <Button small look={ready ? "primary" : "plain"} icon={<GitCompareArrows />} disabled={!ready} onClick={() => show({ tab: compareTab(picked[0]!, picked[1]!) })}>
            Compare
          </Button>
        </div>
      )}
      <ol className={styles.list}>
        {entries.slice(0, shown).map((e, i) => (
          <Deployment key={e.id ?? "operation"} app={app} entry={e} first={i === entries.length - 1} picked={e.id !== undefined && picked.includes(e.id)} onPick={deployments.length > 1 ? pick : undefined} mayRollback={mayRollback && e.revisions.join(" ") !== runs} />
        ))}
      </ol>
      {entries.length > shown && <Button onClick={() => setShown(shown + page)}>Show {Math.min(page, entries.length - shown)} more</Button>}
    </div>
  );
}

/** Rolling back needs the right to sync, or one of its own where the server tells the two apart. */
export function useMayRollback(object: string | undefined): boolean {
  const sync = useMay("applications", "sync", object);
  const rollback = useMay("applications", "rollback", object);
  return sync === true || rollback === true;
}

const marks: Record<Result, { icon: typeof History; word: string; style: string; turns?: boolean } | undefined> = {
  running: { icon: LoaderCircle, word: "running", style: "running", turns: true },
  failed: { icon: CircleX, word: "failed", style: "failed" },
  current: { icon: CircleCheck, word: "current", style: "current" },
  held: { icon: CirclePause, word: "held here", style: "held" },
  past: undefined,
};

interface DeploymentProps {
  app: AppName;
  entry: Entry;
  /** Nothing is known of what was before. */
  first: boolean;
  picked: boolean;
  onPick?: (id: number) => void;
  /** Permitted, and to something else than what runs. */
  mayRollback: boolean;
}

function Deployment({ app, entry, first, picked, onPick, mayRollback }: DeploymentProps) {
  const show = useShow();
  const mark = marks[entry.result];
  const name = entry.id === undefined ? (entry.result === "running" ? "A sync that runs" : "A sync that failed") : `Deployment #${entry.id}`;
  return (
    <li className={`${styles.deployment} ${picked ? styles.picked : ""} ${mark ? styles[mark.style] : ""}`} aria-label={name}>
      <div className={styles.pick}>{onPick && entry.id !== undefined && <input type="checkbox" aria-label={`Compare ${name}`} checked={picked} onChange={() => onPick(entry.id!)} />}</div>
      <div className={styles.what}>
        <div className={styles.head}>
          <span className={styles.number}>{entry.id === undefined ? "–" : `#${entry.id}`}</span>
          {mark && (
            <span className={styles.mark}>
              <mark.icon aria-hidden className={mark.turns ? styles.turns : undefined} />
              {mark.word}
            </span>
          )}
          <Time at={entry.ended ?? entry.started} className={styles.when} />
          <span className={styles.dim}>
            {entry.started && entry.ended ? `took ${tookWords(entry.started, entry.ended)}` : entry.started ? "still going on" : ""} by {entry.by}
          </span>
        </div>
        {entry.revisions.map((revision, i) => (
          <Revision key={i} app={app} revision={revision} entry={entry} source={i} />
        ))}
        {entry.message && entry.result !== "current" && <p className={styles.message}>{entry.message}</p>}
        {entry.backTo !== undefined && <p className={styles.dim}>Back to what #{entry.backTo} had.</p>}
        {!first && entry.backTo === undefined && entry.before && entry.before.length === entry.revisions.length && entry.revisions.map((r, i) => (entry.before![i] === r ? null : <Commits key={i} app={app} from={entry.before![i]!} to={r} source={i} />))}
      </div>
      <div className={styles.doing}>
        {entry.id === undefined ? (
          <Button small onClick={() => show({ panel: "operation", tab: undefined })}>
            What happened
          </Button>
        ) : (
          mayRollback && (
            <Button small icon={<Undo2 />} onClick={() => show({ tab: `rollback-${entry.id}` })}>
              Roll back…
            </Button>
          )
        )}
      </div>
    </li>
  );
}

// Kubernetes keeps whole seconds.
const tookWords = (from: string, to: string) => (Date.parse(to) - Date.parse(from) < 1000 ? "under 1 s" : between(from, to));

/** A revision with what its commit says; for one of several sources also which. */
function Revision({ app, revision, entry, source }: { app: AppName; revision: string; entry: Entry; source: number }) {
  const s = entry.sources[source];
  const commit = useRevision(app, s?.chart ? undefined : revision, source);
  const subject = commit.data?.message?.split("\n")[0];
  return (
    <div className={styles.revision}>
      <span className={styles.dim}>
        {s?.targetRevision && s.targetRevision !== revision ? `${s.targetRevision} @ ` : ""}
      </span>
      <code title={revision}>{short(revision)}</code>
      <Copy text={revision} label={`Copy the revision ${short(revision)}`} />
      {subject && (
        <span className={styles.subject}>
          {subject} <span className={styles.dim}>by {personOf(commit.data?.author)}</span>
        </span>
      )}
      {entry.revisions.length > 1 && s && (
        <span className={styles.dim}>
          {sourceWords(s).repository}
          {s.path ? ` /${s.path}` : ""}
        </span>
      )}
    </div>
  );
}
