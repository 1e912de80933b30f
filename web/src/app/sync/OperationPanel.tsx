// The operation that runs, or the last one: what it did, what it waits for, and why it failed.
import { useMutation, useQuery } from "@tanstack/react-query";
import { CircleX, FileDiff, Hourglass, Octagon, RotateCw, ScrollText } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";
import { path, send } from "../../api";
import { useMay, useSettings } from "../../session";
import { between, exact, useNow } from "../../time";
import type { Application, AppName, ObjectKey, OperationState } from "../../types";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Empty } from "../../ui/Say";
import { PhaseMark } from "../../ui/Status";
import { Lasting, Time } from "../../ui/Time";
import { sayFailure } from "../../ui/Toast";
import type { PanelProps } from "../AppPanel";
import { useShow } from "../ApplicationPage";
import { of, policyObject, short, useRevision } from "../data";
import { nodeOf } from "../search";
import { again, onlyThese } from "./choices";
import { previewQuery, stampOf } from "./data";
import { causeOf, complaint, isBetweenTries, isOver, nextTry, parseWait, pipeline, progress, type Cause, type OperationPhase, type OperationStep } from "./operation";
import { Pipeline } from "./Pipeline";
import { Results } from "./Results";
import { count } from "./preview";
import styles from "./OperationPanel.module.css";

export function OperationPanel({ app, record, onClose }: PanelProps) {
  const show = useShow();
  const state = record.status?.operationState;
  const requested = !!record.operation && (!state || isOver(state));
  const preview = useToCome(app, record);
  const phases = useMemo(() => pipeline(record, preview), [record, preview]);
  const may = useMay("applications", "sync", policyObject(record, useSettings()?.controllerNamespace));
  const onDiff = (s: OperationStep) => show({ panel: undefined, node: nodeOf(s.key), tab: "diff" });
  const onLogs = (s: OperationStep) => show({ panel: undefined, node: nodeOf(s.key), tab: "logs" });
  const onOpen = (key: ObjectKey) => show({ panel: undefined, node: nodeOf(key), tab: undefined });
  const onSync = (sync: string | undefined) => show({ panel: "sync", sync });

  if (!state) {
    return (
      <Dialog title={`Sync of ${app.name}`} place="side" width="wide" onClose={onClose}>
        {requested ? (
          <Requested />
        ) : (
          <Empty title="It has never been synced">
            <p>A sync makes the cluster what Git says. You see what it would do before it does it.</p>
            <Button look="primary" onClick={() => onSync(undefined)}>Look at a sync</Button>
          </Empty>
        )}
      </Dialog>
    );
  }
  const cause = requested ? undefined : causeOf(record, phases);
  const running = !isOver(state);
  return (
    <Dialog
      title={running || requested ? `Syncing ${app.name}` : `Last sync of ${app.name}`}
      place="side"
      width="wide"
      onClose={onClose}
      actions={
        running ? (
          <Terminate app={app} state={state} may={may} automated={syncsItself(record)} />
        ) : (
          <>
            <Button onClick={onClose}>Close</Button>
            <Button icon={<RotateCw />} disabled={requested || may === false} title={may === false ? "You may not sync this application." : undefined} onClick={() => onSync(again(record))}>
              Sync again…
            </Button>
          </>
        )
      }
    >
      <div className={styles.panel}>
        {requested && <Requested />}
        <Facts app={app} state={state} phases={phases} />
        {running && !isBetweenTries(state) && <Now state={state} phases={phases} onLogs={onLogs} onOpen={onOpen} />}
        {isBetweenTries(state) && <Retrying state={state} />}
        {cause && <Why cause={cause} onDiff={onDiff} onLogs={onLogs} onForce={() => onSync(onlyThese(cause.failed.map((s) => s.key), record, { force: true }))} may={may} automated={isAutomated(record)} />}
        <Pipeline phases={phases} onOpen={onOpen} />
        <Results results={state.syncResult?.resources ?? []} onOpen={onOpen} />
      </div>
    </Dialog>
  );
}

/** A preview of the running sync tells its waves and what is to come. Of an old one it would tell of something else. */
function useToCome(app: AppName, record: Application) {
  const state = record.status?.operationState;
  const sync = state?.operation?.sync;
  const shown = record.status?.sync;
  const current = !isOver(state) || (!!state?.syncResult?.revision && state.syncResult.revision === shown?.revision);
  const request = {
    name: app.name,
    appNamespace: app.namespace,
    prune: sync?.prune,
    strategy: sync?.syncStrategy,
    resources: sync?.resources,
    ...(sync?.syncOptions && { syncOptions: { items: sync.syncOptions } }),
    ...(state?.syncResult?.revision && { revision: state.syncResult.revision }),
  };
  // What was to be done is known best at the beginning: it is not asked again while it goes on.
  return useQuery({ ...previewQuery(app, request, isOver(state) ? stampOf(record) : `during ${state?.startedAt}`), enabled: current && !!sync && !sync.manifests?.length && !sync.source && !sync.sources?.length && !sync.revisions?.length }).data;
}

function Requested() {
  return (
    <p className={styles.now} role="status">
      <Hourglass aria-hidden />
      <span>A sync has been asked for, and begins in a moment.</span>
    </p>
  );
}

function Facts({ app, state, phases }: { app: AppName; state: OperationState; phases: OperationPhase[] }) {
  const now = useNow();
  const result = state.syncResult;
  const commit = useRevision(app, result?.revision && /^[0-9a-f]{40,64}$/.test(result.revision) ? result.revision : undefined);
  const { over, all } = progress(phases);
  const by = state.operation?.initiatedBy;
  const sync = state.operation?.sync;
  const running = !isOver(state) && !isBetweenTries(state);
  const how = [sync?.dryRun && "dry run", sync?.prune && "prune", sync?.syncStrategy?.apply && "no hooks", (sync?.syncStrategy?.apply?.force || sync?.syncStrategy?.hook?.force) && "force", sync?.resources?.length && `only ${count(sync.resources.length, "object")}`, ...(sync?.syncOptions ?? [])].filter(Boolean);
  return (
    <dl className={styles.facts}>
      <Fact name="State">
        <PhaseMark of={state.phase} />
        {running && all > 0 && <span className={styles.quiet}>{over} of {all} steps</span>}
      </Fact>
      <Fact name="Started">
        <Time at={state.startedAt} /> <span className={styles.quiet}>by {by?.automated ? "automated sync" : by?.username || "somebody"}</span>
      </Fact>
      <Fact name={state.finishedAt ? "Took" : "Running for"}>
        <span title={state.finishedAt && exact(state.finishedAt)}>{took(state, now)}</span>
      </Fact>
      <Fact name="Revision">
        {result?.revision ? <code>{short(result.revision)}</code> : result?.revisions?.map((r, i) => <code key={i}>{short(r)} </code>) ?? "not resolved"}
        {commit.data?.message && <span className={styles.quiet} title={commit.data.author}>{commit.data.message.split("\n")[0]}</span>}
      </Fact>
      {how.length > 0 && <Fact name="How">{how.join(", ")}</Fact>}
      {!!state.retryCount && <Fact name="Retries">{state.retryCount}{state.operation?.retry?.limit && state.operation.retry.limit > 0 ? ` of ${state.operation.retry.limit}` : ""}</Fact>}
    </dl>
  );
}

/** Times are whole seconds: one that begins and ends within the same took less than one. */
function took(state: OperationState, now: number): string {
  const text = between(state.startedAt, state.finishedAt, now);
  return text === "0 s" ? "less than 1 s" : text;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What the operation does just now: the wait that it is in, with its reason, since when and until when. */
function Now({ state, phases, onLogs, onOpen }: { state: OperationState; phases: OperationPhase[]; onLogs: (s: OperationStep) => void; onOpen: (key: ObjectKey) => void }) {
  const wait = parseWait(state.message);
  const about = wait?.about && phases.flatMap((p) => p.waves.flatMap((w) => w.steps)).find((s) => `${s.key.group}/${s.key.kind}/${s.key.name}` === wait.about);
  if (!wait) return state.phase === "Terminating" ? <p className={styles.now} role="status"><Octagon aria-hidden /><span>It is being terminated; its running hooks are deleted.</span></p> : null;
  return (
    <div className={styles.now} role="status">
      <Hourglass aria-hidden />
      <div>
        <strong>{wait.words}.</strong>
        {wait.why && wait.why !== "progressing" && <p className={styles.why}>{wait.why}</p>}
        <p className={styles.quiet}>
          {wait.since && <>For <Lasting since={wait.since} /> now. </>}
          {wait.until ? <>It gives up <Time at={wait.until} />, and fails then.</> : wait.kind === "confirmation" ? "A person's time has no limit." : wait.kind === "window" ? "It goes on by itself." : wait.since ? "It waits for as long as it takes." : ""}
        </p>
        {about && (
          <span className={styles.ways}>
            {about.hook && <Button small icon={<ScrollText />} onClick={() => onLogs(about)}>Logs of {about.key.name}</Button>}
            <Button small onClick={() => onOpen(about.key)}>See {about.key.name}</Button>
          </span>
        )}
      </div>
    </div>
  );
}

function Retrying({ state }: { state: OperationState }) {
  const next = nextTry(state);
  return (
    <p className={styles.now} role="status">
      <RotateCw aria-hidden />
      <span>
        This try failed. Try {(state.retryCount ?? 0) + 1} begins {next ? <Time at={next.toISOString()} /> : "soon"}
        {state.operation?.retry?.refresh && ", with the newest commit then"}.
      </span>
    </p>
  );
}

function syncsItself(a: Application): boolean {
  const auto = a.spec?.syncPolicy?.automated;
  return !!auto && auto.enabled !== false;
}

/** The operation was begun by itself, and will be again. */
function isAutomated(a: Application): boolean {
  return syncsItself(a) && !!a.status?.operationState?.operation?.initiatedBy?.automated && !isBetweenTries(a.status.operationState);
}

/** Why it failed, and the way out. */
function Why({ cause, onDiff, onLogs, onForce, may, automated }: { cause: Cause; automated: boolean; onDiff: (s: OperationStep) => void; onLogs: (s: OperationStep) => void; onForce: () => void; may: boolean | undefined }) {
  const [all, setAll] = useState(false);
  const shown = all ? cause.failed : cause.failed.slice(0, 5);
  return (
    <section className={styles.cause} aria-label="Why it failed">
      <CircleX aria-hidden />
      <div>
        <h3>{cause.title}</h3>
        {cause.reason && <p className={styles.words}>{cause.reason}</p>}
        <ul>
          {shown.map((s) => {
            const { text } = complaint(s.message);
            return (
              <li key={s.id}>
                <strong>{s.key.kind} {s.key.name}</strong>
                {text && <p className={styles.words}>{text}</p>}
                <span className={styles.ways}>
                  {s.hook ? (
                    <Button small icon={<ScrollText />} onClick={() => onLogs(s)}>Logs of {s.key.name}</Button>
                  ) : (
                    <Button small icon={<FileDiff />} onClick={() => onDiff(s)}>Diff of {s.key.name}</Button>
                  )}
                </span>
              </li>
            );
          })}
        </ul>
        {cause.failed.length > shown.length && <Button small onClick={() => setAll(true)}>Show {cause.failed.length - shown.length} more</Button>}
        {cause.advice && <p>{cause.advice}</p>}
        {automated && <p>Automated sync tries this commit again by itself with growing pauses, and a newer one at once.</p>}
        {cause.immutable && may && <Button small onClick={onForce}>Look at a sync with Force…</Button>}
      </div>
    </section>
  );
}

/** Ends the running operation, once it has been asked twice. */
function Terminate({ app, state, may, automated }: { app: AppName; state: OperationState; may: boolean | undefined; automated: boolean }) {
  const [sure, setSure] = useState(false);
  const end = useMutation({
    mutationFn: () => send("DELETE", path`/api/v1/applications/${app.name}/operation`, undefined, of(app)),
    onError: (e) => sayFailure("terminate the sync", e),
    onSettled: () => setSure(false),
  });
  if (state.phase === "Terminating" || end.isPending || end.isSuccess) return <Button look="danger" busy="Terminating…" />;
  if (!sure) {
    return (
      <Button look="danger" icon={<Octagon />} disabled={may !== true} title={may === false ? "You may not sync this application, nor end its sync." : undefined} onClick={() => setSure(true)}>
        Terminate…
      </Button>
    );
  }
  return (
    <>
      <p className={styles.ask} role="alert">End this sync? Hooks that run are deleted. What was applied stays.{automated && " Automated sync is on: it tries this commit again."}</p>
      <Button onClick={() => setSure(false)}>Let it go on</Button>
      <Button look="danger" icon={<Octagon />} onClick={() => end.mutate()} autoFocus>
        Terminate
      </Button>
    </>
  );
}
