// The summary: what the fleet is like, to be read in two seconds. Each figure shows, when pressed, what it counts.
import { CloudOff, PlugZap, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import type { ApplicationCounts, Cluster } from "../types";
import { HealthMark, PhaseMark, SyncMark } from "../ui/Status";
import type { Show } from "./Applications";
import styles from "./Fleet.module.css";
import { only, showOnly, showsOnly, states, type AppsSearch } from "./search";

interface Props {
  search: AppsSearch;
  show: Show;
  counts?: ApplicationCounts;
  everything?: number;
  clusters: Cluster[];
  names: ReadonlyMap<string, string>;
}

interface Figure {
  filter: (typeof states)[number];
  values: string[];
  count: number;
  mark: ReactNode;
  tone: string;
  /** What it means, where the word is not enough. */
  title: string;
}

export function Fleet({ search, show, counts, everything, clusters }: Props) {
  const n = (of: Record<string, number> | undefined, name: string) => of?.[name] ?? 0;
  const sync: Figure[] = [
    { filter: "sync", values: ["OutOfSync"], count: n(counts?.sync, "OutOfSync"), mark: <SyncMark of="OutOfSync" />, tone: "outofsync", title: "Live is not what Git says" },
    { filter: "sync", values: ["Unknown"], count: n(counts?.sync, "Unknown"), mark: <SyncMark of="Unknown" />, tone: "unknown", title: "Stale: it cannot be told now whether live is what Git says" },
    { filter: "sync", values: ["Synced"], count: n(counts?.sync, "Synced"), mark: <SyncMark of="Synced" />, tone: "healthy", title: "Live is what Git says" },
  ];
  const healths: [string, string, string][] = [
    ["Degraded", "degraded", "Something of it does not work"],
    ["Missing", "missing", "Something of it is not in the cluster"],
    ["Progressing", "progressing", "It is on its way"],
    ["Suspended", "suspended", "It is paused"],
    ["Unknown", "unknown", "It cannot be told how it is"],
    ["Healthy", "healthy", "All of it works"],
  ];
  const health = healths.map(([word, tone, title]): Figure => ({ filter: "health", values: [word], count: n(counts?.health, word), mark: <HealthMark of={word} />, tone, title }));
  const operations: Figure[] = [
    { filter: "operation", values: ["Running", "Terminating"], count: counts?.running ?? 0, mark: <PhaseMark of="Running" />, tone: "progressing", title: "An operation is under way" },
    { filter: "operation", values: ["Failed", "Error"], count: counts?.failed ?? 0, mark: <PhaseMark of="Failed" />, tone: "degraded", title: "The last operation failed" },
  ];
  const total = counts?.total;
  const all = states.every((f) => !search[f]);
  const of = everything !== undefined && total !== undefined && total !== everything;
  const draw = (f: Figure) => (
    <Figure
      key={f.filter + f.values[0]}
      {...f}
      unknown={!counts}
      pressed={showsOnly(search, f.filter, f.values)}
      onPress={() => show((s) => showOnly(s, f.filter, f.values))}
    />
  );
  return (
    <section className={styles.fleet} aria-label="Summary">
      <div className={styles.total}>
        <h1>Applications</h1>
        <button
          type="button"
          className={styles.big}
          aria-pressed={all}
          title="Show them in every state"
          onClick={() => show((s) => states.reduce((out: AppsSearch, f) => only(out, f, []), s))}
        >
          {total?.toLocaleString() ?? "…"}
          {of && <small> of {everything.toLocaleString()}</small>}
        </button>
      </div>
      <Group name="Sync" figures={sync} total={total}>
        {sync.map(draw)}
      </Group>
      <Group name="Health" figures={health} total={total}>
        {health.filter((f) => f.count > 0 || f.tone === "degraded" || f.tone === "healthy" || showsOnly(search, f.filter, f.values)).map(draw)}
      </Group>
      <Group name="Operations">{operations.map(draw)}</Group>
      <Clusters search={search} show={show} clusters={clusters} />
    </section>
  );
}

function Group({ name, figures, total, children }: { name: string; figures?: Figure[]; total?: number; children: ReactNode }) {
  return (
    <div className={`${styles.group} ${figures ? "" : styles.short} ${name === "Health" ? styles["health-group"] : ""}`} role="group" aria-label={name}>
      <h2>{name}</h2>
      {figures && (
        <div className={styles.bar} aria-hidden>
          {total ? figures.map((f) => f.count > 0 && <span key={f.values[0]} className={`${styles.part} ${styles[f.tone]} ${styles[f.values[0]] ?? ""}`} style={{ flexGrow: f.count }} title={`${f.count.toLocaleString()} ${f.values[0]}`} />) : null}
        </div>
      )}
      <div className={styles.figures}>{children}</div>
    </div>
  );
}

function Figure({ count, mark, title, tone, pressed, unknown, onPress }: Figure & { pressed: boolean; unknown: boolean; onPress: () => void }) {
  return (
    <button type="button" className={`${styles.figure} ${count === 0 ? styles.none : ""} ${tone === "healthy" ? styles.well : ""}`} aria-pressed={pressed} title={title} onClick={onPress}>
      <strong>{unknown ? "…" : count.toLocaleString()}</strong>
      {mark}
    </button>
  );
}

/** Which clusters do not answer: then nothing that is said of their applications is new. */
function Clusters({ search, show, clusters }: { search: AppsSearch; show: Show; clusters: Cluster[] }) {
  if (clusters.length === 0) return null; // the reader may see none
  const away = clusters.filter((c) => c.connectionState?.status === "Failed");
  const answering = clusters.filter((c) => c.connectionState?.status === "Successful").length;
  const unasked = clusters.length - answering - away.length; // of these nothing is known
  return (
    <div className={`${styles.group} ${styles.short} ${styles.clusters}`} role="group" aria-label="Clusters">
      <h2>Clusters</h2>
      <div className={styles.figures}>
        {away.length === 0 ? (
          <span className={`${styles.figure} ${styles.well} ${styles.still}`} title={unasked > 0 ? "Hawser asks those to which an application goes" : undefined}>
            <strong>{answering.toLocaleString()}</strong>
            <Word icon={PlugZap}>
              {unasked === 0 ? (answering === 1 ? "answers" : "all answer") : `${answering === 1 ? "answers" : "answer"}, ${unasked.toLocaleString()} not asked`}
            </Word>
          </span>
        ) : (
          <button
            type="button"
            className={`${styles.figure} ${styles.away}`}
            title={away.map((c) => `${c.name}: ${c.connectionState?.message}`).join("\n")}
            aria-pressed={same(search.cluster, away)}
            onClick={() => show((s) => only(s, "cluster", same(s.cluster, away) ? [] : away.map((c) => c.server ?? "")))}
          >
            <strong>{away.length.toLocaleString()}</strong>
            <Word icon={CloudOff}>
              unreachable{away.length <= 2 && `: ${away.map((c) => c.name).join(", ")}`}
              {away.length > 2 && ` of ${clusters.length}`}
            </Word>
          </button>
        )}
      </div>
    </div>
  );
}

const same = (chosen: string[] = [], away: Cluster[]) => chosen.length === away.length && away.every((c) => chosen.includes(c.server ?? ""));

function Word({ icon: Icon, children }: { icon: LucideIcon; children: ReactNode }) {
  return (
    <span className={styles.word}>
      <Icon aria-hidden />
      <span>{children}</span>
    </span>
  );
}
