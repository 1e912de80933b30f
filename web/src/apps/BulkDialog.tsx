// One thing done with many applications, and how it went for each.
import { Link } from "@tanstack/react-router";
import { CircleCheck, CircleX, Clock, LoaderCircle } from "lucide-react";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { get, path, send } from "../api";
import { of } from "../app/data";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Checkbox } from "../ui/Field";
import { PhaseMark } from "../ui/Status";
import styles from "./BulkDialog.module.css";
import { useLatest } from "./data";
import { lastOperation } from "./row";
import { named, optionsFor, type Chosen } from "./selection";

export interface Bulk {
  what: "sync" | "refresh";
  apps: Chosen[];
}

export function BulkDialog({ bulk, onClose }: { bulk: Bulk; onClose: () => void }) {
  return bulk.what === "sync" ? <SyncMany apps={bulk.apps} onClose={onClose} /> : <RefreshMany apps={bulk.apps} onClose={onClose} />;
}

const count = (apps: Chosen[]) => `${apps.length.toLocaleString()} application${apps.length === 1 ? "" : "s"}`;

const options = [
  { option: "ApplyOutOfSyncOnly=true", label: "Only what is out of sync", hint: "Leaves alone what is as Git says already" },
  { option: "ServerSideApply=true", label: "Server-side apply", hint: "" },
  { option: "Replace=true", label: "Replace", hint: "Replaces objects instead of applying changes: fields of others are lost" },
];

function SyncMany({ apps, onClose }: { apps: Chosen[]; onClose: () => void }) {
  const [prune, setPrune] = useState(false);
  const [dryRun, setDryRun] = useState(false);
  const [force, setForce] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const run = useRun(apps, (app) =>
    send("POST", path`/api/v1/applications/${app.name}/sync`, {
      ...of(app),
      prune,
      dryRun,
      ...(force && { strategy: { hook: { force: true } } }),
      ...(chosen.length > 0 && { syncOptions: { items: optionsFor(app.syncOptions, chosen) } }),
    }),
  );
  const start = (e: FormEvent) => {
    e.preventDefault();
    run.start();
  };
  const [only] = apps;
  return (
    <Dialog
      title={apps.length === 1 ? `Sync ${only.name}` : `Sync ${count(apps)}`}
      onClose={() => {
        run.stop();
        onClose();
      }}
      actions={
        run.began ? (
          <Ending run={run} onClose={onClose} />
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" form="sync-many" look="primary">
              {dryRun ? "Try the sync" : "Sync"} {apps.length === 1 ? "" : count(apps)}
            </Button>
          </>
        )
      }
    >
      {run.began ? (
        <Results run={run} done={dryRun ? "tried" : "started"} />
      ) : (
        <form id="sync-many" onSubmit={start} className={styles.form}>
          <p>
            {apps.length === 1 ? "It is brought" : "Each is brought"} to what Git says now, at the branch that it follows: <strong>{named(apps)}</strong>.
          </p>
          {apps.length > 3 && (
            <details>
              <summary>All {count(apps)}, in sight or not</summary>
              <ul className={styles.names} tabIndex={0} aria-label="What is synced">
                {[...apps].sort((a, b) => a.name.localeCompare(b.name)).slice(0, told).map((a) => (
                  <li key={`${a.namespace}/${a.name}`}>{a.name}</li>
                ))}
                {apps.length > told && <li>and {(apps.length - told).toLocaleString()} more</li>}
              </ul>
            </details>
          )}
          <div className={styles.options}>
            <Checkbox label="Prune" hint="Deletes objects that are no longer in Git" checked={prune} onChange={(e) => setPrune(e.target.checked)} />
            <Checkbox label="Dry run" hint="Asks the cluster, and changes nothing" checked={dryRun} onChange={(e) => setDryRun(e.target.checked)} />
            <Checkbox label="Force" hint="Deletes and creates anew what cannot be changed: it is away for a moment" checked={force} onChange={(e) => setForce(e.target.checked)} />
            {options.map(({ option, label, hint }) => (
              <Checkbox key={option} label={label} hint={hint} checked={chosen.includes(option)} onChange={(e) => setChosen(e.target.checked ? [...chosen, option] : chosen.filter((o) => o !== option))} />
            ))}
          </div>
          {apps.length === 1 && (
            <p className={styles.note}>
              <Link to="/applications/$namespace/$name" params={only} search={{ panel: "sync" }}>
                See first what will happen, and choose objects
              </Link>
            </p>
          )}
        </form>
      )}
    </Dialog>
  );
}

function RefreshMany({ apps, onClose }: { apps: Chosen[]; onClose: () => void }) {
  const run = useRun(apps, (app) => get(path`/api/v1/applications/${app.name}`, { ...of(app), refresh: "normal", fields: "metadata.name" }));
  const { start } = run;
  useEffect(() => start(), [start]);
  return (
    <Dialog
      title={`Refresh ${count(apps)}`}
      onClose={() => {
        run.stop();
        onClose();
      }}
      actions={<Ending run={run} onClose={onClose} />}
    >
      <Results run={run} done="refreshed" />
    </Dialog>
  );
}

type Outcome = "waiting" | "working" | "done" | { error: string };

interface Run {
  apps: Chosen[];
  outcomes: Outcome[];
  began: boolean;
  ended: boolean;
  start: () => void;
  stop: () => void;
}

/** How many are worked at at once: the server has others to answer. */
const atOnce = 4;

/** Works through the applications, a few at once. It goes on until it is done or stopped. */
function useRun(apps: Chosen[], work: (app: Chosen) => Promise<unknown>): Run {
  const [outcomes, setOutcomes] = useState<Outcome[]>(() => apps.map(() => "waiting"));
  const [began, setBegan] = useState(false);
  const [working, setWorking] = useState(0);
  const state = useRef({ next: 0, stopped: false, began: false });
  const latest = useRef(work);
  latest.current = work;
  const [{ start, stop }] = useState(() => {
    // Of thousands one cannot draw each by itself.
    const all = apps.map((): Outcome => "waiting");
    let drawing = 0;
    const put = (i: number, outcome: Outcome) => {
      all[i] = outcome;
      drawing ||= window.setTimeout(() => {
        drawing = 0;
        setOutcomes([...all]);
      }, 60);
    };
    const hand = async () => {
      for (;;) {
        const { next, stopped } = state.current;
        if (stopped || next >= apps.length) break;
        state.current.next++;
        put(next, "working");
        try {
          await latest.current(apps[next]);
          put(next, "done");
        } catch (e) {
          put(next, { error: e instanceof Error ? e.message : String(e) });
        }
      }
      setWorking((n) => n - 1);
    };
    return {
      start: () => {
        if (state.current.began) return; // twice in development: React looks whether effects can be repeated
        state.current.began = true;
        setBegan(true);
        const hands = Math.min(atOnce, apps.length);
        setWorking(hands);
        for (let i = 0; i < hands; i++) void hand();
      },
      stop: () => {
        state.current.stopped = true;
      },
    };
  });
  return { apps, outcomes, began, ended: began && working === 0, start, stop };
}

function Ending({ run, onClose }: { run: Run; onClose: () => void }) {
  const [stopping, setStopping] = useState(false);
  if (run.ended) {
    return (
      <Button look="primary" onClick={onClose}>
        Close
      </Button>
    );
  }
  return (
    <Button
      busy={stopping && "Stopping…"}
      onClick={() => {
        setStopping(true);
        run.stop();
      }}
    >
      Stop
    </Button>
  );
}

/** How many results are told one by one. */
const told = 200;

function Results({ run, done }: { run: Run; done: string }) {
  const failed = (o: Outcome) => typeof o === "object";
  const n = run.outcomes.filter((o) => o === "done").length;
  const bad = run.outcomes.filter(failed).length;
  // What failed is what one has to look at.
  const rank = (o: Outcome) => (failed(o) ? 0 : o === "working" ? 1 : o === "done" ? 2 : 3);
  const order = run.apps.map((app, i) => ({ app, outcome: run.outcomes[i], i })).sort((a, b) => rank(a.outcome) - rank(b.outcome) || a.i - b.i);
  return (
    <div className={styles.results}>
      <p role="status">
        <strong>
          {n.toLocaleString()} of {run.apps.length.toLocaleString()} {done}
        </strong>
        {bad > 0 && `, ${bad.toLocaleString()} refused`}
        {run.ended && n + bad < run.apps.length && ", the others were left alone"}
        {!run.ended && "…"}
      </p>
      <progress max={run.apps.length} value={n + bad} aria-label="How many are done" />
      <ul>
        {order.slice(0, told).map(({ app, outcome, i }) => (
          <li key={i}>
            <Mark outcome={outcome} />
            <Link to="/applications/$namespace/$name" params={app}>
              {app.name}
            </Link>
            {typeof outcome === "object" ? <span className={styles.error}>{outcome.error}</span> : outcome === "done" && done !== "refreshed" ? <Phase app={app} /> : null}
          </li>
        ))}
      </ul>
      {order.length > told && <p className={styles.note}>and {(order.length - told).toLocaleString()} more</p>}
    </div>
  );
}

function Mark({ outcome }: { outcome: Outcome }) {
  if (typeof outcome === "object") return <CircleX aria-label="refused" className={styles.bad} />;
  if (outcome === "done") return <CircleCheck aria-label="done" className={styles.good} />;
  if (outcome === "working") return <LoaderCircle aria-label="under way" className={styles.turns} />;
  return <Clock aria-label="waiting" className={styles.waits} />;
}

/** How the operation goes, as the stream tells. */
function Phase({ app }: { app: Chosen }) {
  const latest = useLatest(`${app.namespace}/${app.name}`);
  const last = latest && lastOperation(latest);
  if (!last) return null;
  return (
    <span className={styles.phase}>
      <PhaseMark of={last.phase} title={last.message} />
      <span title={last.message}>{last.message}</span>
    </span>
  );
}
