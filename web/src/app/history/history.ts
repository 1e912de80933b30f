// What the history of an application is: its deployments, what runs now, what failed, and what it is held at.
import type { Application, ApplicationSource, WhyCommit } from "../../types";

/** The hold of a rollback, as the annotation hawser.dev/hold has it (internal/reconcile/hold.go). */
export interface Hold {
  /** The commits that were current when somebody rolled back, and are not deployed. */
  instead: string[];
  /** What it is held at; none while the rollback goes on. */
  commits?: string[];
  by?: string;
  since?: string;
}

export const holdAnnotation = "hawser.dev/hold";

export function holdOf(record: Application): Hold | undefined {
  const annotations = (record.metadata?.annotations ?? {}) as Record<string, string>;
  const text = annotations[holdAnnotation];
  if (!text) return undefined;
  try {
    const hold = JSON.parse(text) as Hold;
    return Array.isArray(hold.instead) ? hold : undefined;
  } catch {
    return undefined;
  }
}

export type Result = "running" | "failed" | "current" | "held" | "past";

/** A deployment, or a sync that became none. */
export interface Entry {
  /** Of the deployment; undefined for a sync that runs or failed. */
  id?: number;
  revisions: string[];
  sources: ApplicationSource[];
  /** Of the deployment before: what is between the two is new in this one. */
  before?: string[];
  started?: string;
  ended?: string;
  by: string;
  result: Result;
  /** An earlier deployment of the same revisions: somebody went back to it. */
  backTo?: number;
  /** Why it failed, or what it waits for. */
  message?: string;
}

const revisionsOf = (of: { revision?: string; revisions?: string[] } | undefined) => (of?.revisions?.length ? of.revisions : of?.revision ? [of.revision] : []);
const sourcesOf = (of: { source?: ApplicationSource; sources?: ApplicationSource[] } | undefined) => (of?.sources?.length ? of.sources : of?.source ? [of.source] : []);

/** Everything that was deployed, newest first; above it what runs now, or failed last. */
export function entriesOf(record: Application): Entry[] {
  const history = record.status?.history ?? [];
  const held = holdOf(record)?.commits;
  const entries = history.map((h, i): Entry => {
    const revisions = revisionsOf(h);
    const last = i === history.length - 1;
    return {
      id: h.id ?? 0, // the first one's number is 0, which the API leaves out
      revisions,
      sources: sourcesOf(h),
      before: i > 0 ? revisionsOf(history[i - 1]) : undefined,
      started: h.deployStartedAt,
      ended: h.deployedAt,
      by: h.initiatedBy?.automated || !h.initiatedBy?.username ? "automatic sync" : h.initiatedBy.username,
      result: !last ? "past" : held && same(held, revisions) ? "held" : "current",
    };
  });
  for (let i = 2; i < entries.length; i++) {
    if (same(entries[i]!.revisions, entries[i - 1]!.revisions)) continue; // a sync once more
    for (let j = i - 2; j >= 0 && entries[i]!.backTo === undefined; j--) {
      if (same(entries[i]!.revisions, entries[j]!.revisions)) entries[i]!.backTo = entries[j]!.id;
    }
  }
  entries.reverse();
  const op = record.status?.operationState;
  const result = op?.phase === "Running" || op?.phase === "Terminating" ? "running" : op?.phase === "Failed" || op?.phase === "Error" ? "failed" : undefined;
  if (op?.operation?.sync?.dryRun || !result) return entries;
  const by = op!.operation?.initiatedBy;
  entries.unshift({
    revisions: revisionsOf(op!.syncResult).length ? revisionsOf(op!.syncResult) : revisionsOf(op!.operation?.sync),
    sources: sourcesOf(op!.syncResult),
    before: entries[0]?.revisions,
    started: op!.startedAt,
    ended: op!.finishedAt,
    by: by?.automated || !by?.username ? "automatic sync" : by.username,
    result,
    message: op!.message,
  });
  return entries;
}

const same = (a: string[], b: string[]) => a.length === b.length && a.every((x, i) => x === b[i]);

/** What the panel shows, as the address has it: "3..5" compares two deployments, "rollback-3" goes back to one. */
export type Mode = { kind: "list" } | { kind: "compare"; from: number; to: number } | { kind: "rollback"; to: number };

export function parseMode(tab: string | undefined): Mode {
  const compare = /^(\d+)\.\.(\d+)$/.exec(tab ?? "");
  if (compare && compare[1] !== compare[2]) return { kind: "compare", from: Number(compare[1]), to: Number(compare[2]) };
  const rollback = /^rollback-(\d+)$/.exec(tab ?? "");
  return rollback ? { kind: "rollback", to: Number(rollback[1]) } : { kind: "list" };
}

/** Comparing reads from old to new, whichever was picked first. */
export const compareTab = (a: number, b: number) => `${Math.min(a, b)}..${Math.max(a, b)}`;

/** Most commits that are reverted one by one. */
const most = 20;

/**
 * The commands that undo commits in Git, the newest first: git itself would conflict with any other order.
 * Undefined when there is nothing to undo.
 */
export function revertCommands(commits: WhyCommit[], more: boolean, branch: string, from: string): string | undefined {
  if (commits.length === 0) return undefined;
  const many = more || commits.length > most;
  const revert = many ? `git revert --no-edit ${from}..HEAD` : `git revert --no-edit ${commits.map((c) => c.revision?.slice(0, 12)).join(" ")}`;
  return [`git switch ${quoted(branch)}`, "git pull", revert, "git push"].join("\n");
}

/** A branch as a shell reads it: names come from people. */
const quoted = (word: string) => (/^[\w./@-]+$/.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", `'\\''`)}'`);
