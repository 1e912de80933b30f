// An operation as a picture: what it has done, what it does, what it waits for, and what is still to come.
//
// What is done stands in the operation's record; what is to come, and the waves, are told by a preview of the same sync.
import type { Application, Backoff, ObjectKey, OperationState, ResourceResult, SyncPreview } from "../../types";
import { nodeOf } from "../search";
import { keyOf } from "./preview";

export type StepState =
  | "done"
  | "running" // a hook that has been begun
  | "waiting" // applied, and waited for
  | "failed"
  | "skipped" // left alone, and why
  | "pruned"
  | "pending" // still to come
  | "unreached"; // it was not come to

export interface OperationStep {
  id: string;
  key: ObjectKey;
  hook: string;
  state: StepState;
  message: string;
}

export interface OperationWave {
  /** Undefined when it is not known. */
  wave: string | undefined;
  state: StepState;
  steps: OperationStep[];
}

export interface OperationPhase {
  phase: string;
  state: StepState;
  waves: OperationWave[];
}

export const isOver = (s: OperationState | undefined): boolean => !!s?.phase && s.phase !== "Running" && s.phase !== "Terminating";

/** Between two tries the operation is Running, with the time at which the last one ended. */
export const isBetweenTries = (s: OperationState | undefined): boolean => s?.phase === "Running" && !!s.finishedAt;

const phaseOrder = ["PreSync", "Sync", "PostSync", "SyncFail"];
const rank = (phase: string) => (phaseOrder.indexOf(phase) + 1 || 2) - 1;

/** A hook whose name is made anew in each run (generateName) is the same hook. */
const idOf = (key: ObjectKey, hook: string) => `${hook}|${nodeOf(key).replace(hook ? /-\d{9,}$/ : /$^/, "")}`;

/** The results joined with what a preview of the same sync says of waves and of what is to come. */
export function pipeline(a: Application, preview: SyncPreview | undefined): OperationPhase[] {
  const state = a.status?.operationState;
  if (!state) return [];
  const ended = isOver(state) || isBetweenTries(state);
  const failed = ended && state.phase !== "Succeeded";
  const wait = parseWait(state.message);
  const ill = new Set((a.status?.resources ?? []).filter((r) => r.health?.status && r.health.status !== "Healthy").map((r) => nodeOf(keyOf(r))));
  const waveOf = new Map((a.status?.resources ?? []).map((r) => [idOf(keyOf(r), ""), String(r.syncWave ?? 0)]));
  const results = new Map((state.syncResult?.resources ?? []).map((r) => [idOf(keyOf(r), r.hookType ?? ""), r]));

  const phases = new Map<string, Map<string | undefined, OperationStep[]>>();
  const add = (phase: string, wave: string | undefined, step: OperationStep) => {
    const waves = phases.get(phase) ?? new Map<string | undefined, OperationStep[]>();
    phases.set(phase, waves);
    const steps = waves.get(wave);
    if (steps) steps.push(step);
    else waves.set(wave, [step]);
  };
  const seen = new Set<string>();
  for (const phase of preview?.phases ?? []) {
    for (const wave of phase.waves ?? []) {
      for (const s of wave.steps ?? []) {
        const key = keyOf(s);
        const id = idOf(key, s.hook ?? "");
        if (seen.has(id)) continue;
        seen.add(id);
        const r = results.get(id);
        if (!r && phase.phase === "SyncFail" && !failed) continue; // it runs only when something has failed
        if (!r && ended && !failed) continue; // it came to the application since
        add(phase.phase!, wave.wave ?? "", r ? step(r, { ended, wait, ill }) : { id, key, hook: s.hook ?? "", state: ended ? "unreached" : "pending", message: "" });
      }
    }
  }
  for (const [id, r] of results) {
    if (seen.has(id)) continue;
    const first = r.syncPhase === "PreSync" && !r.hookType; // the destination's namespace
    add(r.syncPhase || "Sync", first ? "" : r.hookType ? undefined : waveOf.get(id), step(r, { ended, wait, ill }));
  }
  return [...phases]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([phase, waves]) => {
      const list = [...waves].sort(([a], [b]) => waveRank(a) - waveRank(b)).map(([wave, steps]) => ({ wave, steps, state: whole(steps.map((s) => s.state)) }));
      return { phase, waves: list, state: whole(list.map((w) => w.state)) };
    });
}

const waveRank = (wave: string | undefined) => (wave === "" ? -Infinity : wave === undefined ? Number.MAX_SAFE_INTEGER : Number(wave));

interface Around {
  ended: boolean;
  wait: Wait | undefined;
  ill: Set<string>;
}

function step(r: ResourceResult, { ended, wait, ill }: Around): OperationStep {
  const key = keyOf(r);
  const hook = r.hookType ?? "";
  const message = r.message ?? "";
  const base = { id: idOf(key, hook), key, hook, message };
  if (r.hookPhase === "Failed" || r.hookPhase === "Error" || r.status === "SyncFailed") return { ...base, state: "failed" };
  if (r.status === "PruneSkipped" || (!hook && r.hookPhase === "Succeeded" && r.status === "Synced")) return { ...base, state: "skipped" };
  if (r.status === "Pruned") return { ...base, state: "pruned" };
  if (hook) return { ...base, state: r.hookPhase === "Running" && !ended ? "running" : "done" };
  const waited = !ended && wait?.kind === "health" && (wait.about === `${key.group}/${key.kind}/${key.name}` || (wait.more > 0 && ill.has(nodeOf(key))));
  return { ...base, state: waited ? "waiting" : "done" };
}

/** The state of several together: the one that people must know first. */
function whole(states: StepState[]): StepState {
  for (const s of ["failed", "running", "waiting"] as const) if (states.includes(s)) return s;
  const open = states.filter((s) => s === "pending" || s === "unreached");
  if (open.length === 0) return states.every((s) => s === "skipped") && states.length > 0 ? "skipped" : "done";
  return open.length === states.length ? open[0]! : open[0] === "pending" ? "running" : "unreached";
}

export interface Wait {
  kind: "hook" | "health" | "deletion" | "confirmation" | "pause" | "window" | "cluster";
  /** In words for people. */
  words: string;
  /** What keeps it, in the words of whoever does. */
  why: string;
  since?: string;
  until?: string;
  /** group/Kind/name of the first that is waited for; empty when there is none. */
  about: string;
  /** How many more are waited for. */
  more: number;
}

/** Reads what the record's message says of a wait; undefined when it is not waiting. */
export function parseWait(message: string | undefined): Wait | undefined {
  if (!message) return undefined;
  const around = /^(.*?) \(((?:.|\n)*)\)$/.exec(message);
  const head = around?.[1] ?? message;
  const inside = around?.[2] ?? "";
  const times = /(?:^|; )since (\d[^ ,;]*)(?:, gives up at (\d[^ ,;]*))?$/.exec(inside);
  const why = times ? inside.slice(0, times.index) : inside;
  const [since, until] = [times?.[1], times?.[2]];
  const told = (kind: Wait["kind"], words: string, about = "", more = 0): Wait => ({ kind, words, why, since, until, about, more });

  const listed = /^waiting for (completion of hook|healthy state of|deletion of hook|deletion of|pruning confirmation of) (\S+)(?: and (\d+) more (?:resources|hooks))?$/.exec(head);
  if (listed) {
    const [, what, about, others] = listed;
    const more = Number(others ?? 0);
    const who = objectWords(about!) + (more ? ` and ${more} more` : "");
    switch (what) {
      case "completion of hook":
        return told("hook", `Waits for the ${more ? "hooks" : "hook"} ${who} to complete`, about, more);
      case "healthy state of":
        return told("health", `Waits for ${who} to become healthy`, about, more);
      case "pruning confirmation of":
        return told("confirmation", `Waits for a person to confirm that ${who} may be deleted`, about, more);
    }
    return told("deletion", `Waits for ${who} to be gone`, about, more);
  }
  const pause = /^pausing for (\S+) after wave (-?\d+)$/.exec(head);
  if (pause) return told("pause", `Pauses for ${pause[1]} after wave ${pause[2]}, for controllers to notice what was written`);
  if (head === "Sync operation blocked by sync window") return told("window", "Waits for a sync window to permit it");
  if (head === "waiting for the cluster") return told("cluster", "Waits for the cluster, which cannot serve its requests");
  return undefined;
}

/** "apps/Deployment/web" as people say it: "Deployment web". */
function objectWords(path: string): string {
  const [, kind = "", ...name] = path.split("/");
  return `${kind} ${name.join("/")}`;
}

export interface Cause {
  /** What happened, in plain words. */
  title: string;
  /** What to do about it. */
  advice: string;
  /** The server's words for what no object says. */
  reason: string;
  /** A field that cannot be changed in place: Force would help. */
  immutable: boolean;
  failed: OperationStep[];
}

const shared = / is part of application /;

/** Why an operation failed; undefined when it did not. */
export function causeOf(a: Application, phases: OperationPhase[]): Cause | undefined {
  const state = a.status?.operationState;
  if (!state || !(state.phase === "Failed" || state.phase === "Error" || isBetweenTries(state))) return undefined;
  const failed = phases.flatMap((p) => p.waves.flatMap((w) => w.steps.filter((s) => s.state === "failed")));
  const message = state.message ?? "";
  const immutable = failed.some((s) => /field is immutable|cannot be changed so|cannot be changed on an existing/.test(s.message));
  const n = failed.length;
  const who = n === 1 ? `${failed[0]!.key.kind} ${failed[0]!.key.name}` : n > 1 ? `${n} objects` : "objects";
  const cause = (title: string, advice = ""): Cause => ({ title, advice, reason: n > 0 ? "" : withoutRetry(message), immutable, failed });

  if (message.startsWith("Operation terminated")) {
    const why = /supersedes/.test(message) ? "A newer commit took its place." : /sync timeout/.test(message) ? "It took longer than the settings allow." : "Somebody terminated it.";
    return { ...cause(why), reason: withoutRetry(message) };
  }
  if (immutable) return cause(`${who} cannot be changed in place${message.includes("(dry run)") ? ", so nothing was written" : ""}.`, "The API server keeps some fields as they were created. With Force, the object is deleted and created anew.");
  if (message.includes("(dry run)")) return cause(`The API server refuses ${who}, so nothing was written.`, "Correct the manifest in Git; the sync is tried again by itself when a commit comes, or sync again.");
  if (message.startsWith("one or more synchronization tasks are not valid")) return cause(`The project does not permit ${who}, so nothing was written.`, "Permit it in the project, or take it out of Git.");
  if (message.startsWith("one or more synchronization tasks completed unsuccessfully")) {
    const hooks = failed.every((s) => s.hook);
    return cause(hooks ? `${n === 1 ? "The hook" : "Hooks"} ${n === 1 ? failed[0]!.key.name : who} failed.` : `${who} did not work after it was applied.`, hooks ? "Its logs say why." : "Its pods and events say why.");
  }
  if (message.startsWith("one or more objects failed to apply")) return cause(n ? `${who} could not be applied.` : "Some objects could not be applied.", failed.some((s) => shared.test(s.message)) ? "Another application has it in its source." : "What came before it was applied.");
  if (message.startsWith("ComparisonError")) return { ...cause("It is not known what Git wants."), reason: message.replace(/^ComparisonError: /, "") };
  return { ...cause(state.phase === "Error" ? "The sync could not be carried out." : "The sync failed."), reason: withoutRetry(message) };
}

const withoutRetry = (message: string) => message.replace(/\. Retrying attempt #\d+ at .*$/, "").replace(/ \(retried \d+ times\)\.$/, "");

/** The API server's complaint without the words around it that the row says already. */
export function complaint(message: string): { text: string; hint: string } {
  const text = message.replace(/^(?:apply|create|delete|put|patch|replace) \S+(?: in namespace \S+)?(?: in cluster \S+)?: /, "");
  const hint = / \(([^()]*(?:\([^()]*\)[^()]*)*)\)$/.exec(text);
  return hint && /^[a-z].* /.test(hint[1]!) ? { text: text.slice(0, hint.index), hint: hint[1]! } : { text, hint: "" };
}

/** Seconds of a Go duration; a bare number is seconds. NaN when it is none. */
export function seconds(duration: string | undefined): number {
  if (!duration) return NaN;
  if (/^\d+$/.test(duration)) return Number(duration);
  const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  let total = 0;
  const rest = duration.replace(/(\d+(?:\.\d+)?)(ms|s|m|h)/g, (_, n: string, unit: string) => {
    total += Number(n) * units[unit]!;
    return "";
  });
  return rest === "" ? total : NaN;
}

/** When the next try begins; undefined when none is due. */
export function nextTry(s: OperationState | undefined): Date | undefined {
  if (!s || !isBetweenTries(s)) return undefined;
  const b: Backoff = s.operation?.retry?.backoff ?? {};
  const or = (n: number, usual: number) => (Number.isNaN(n) ? usual : n);
  const pause = Math.min(or(seconds(b.duration), 5) * Math.pow(b.factor && b.factor > 0 ? b.factor : 2, Math.max(0, (s.retryCount ?? 1) - 1)), or(seconds(b.maxDuration), 180));
  return new Date(new Date(s.finishedAt!).getTime() + Math.max(1, pause) * 1000);
}

/** How far it has come: objects and hooks that are over, of all that are known. */
export function progress(phases: OperationPhase[]): { over: number; all: number } {
  const steps = phases.flatMap((p) => p.waves.flatMap((w) => w.steps));
  return { over: steps.filter((s) => !["pending", "running", "waiting", "unreached"].includes(s.state)).length, all: steps.length };
}
