// What an application does by itself, and when it may, in words.
import type { Application, ApplicationSyncWindowsResponse, SyncPolicyAutomated } from "../../types";
import { ago } from "../../time";

/** Automatic sync as it is in force: written down, and not switched off. */
export function automation(record: Application): SyncPolicyAutomated | undefined {
  const automated = record.spec?.syncPolicy?.automated;
  return automated && automated.enabled !== false ? automated : undefined;
}

export interface PolicyWords {
  /** "Automatic sync" */
  short: string;
  /** What it means for whoever commits, or changes something by hand. */
  means: string;
}

export function policyWords(record: Application): PolicyWords {
  const a = automation(record);
  if (!a) return { short: "Manual sync", means: "Hawser compares and shows what differs; nothing is applied until somebody syncs." };
  const also = [a.prune && "prune", a.selfHeal && "self-heal"].filter(Boolean);
  return {
    short: "Automatic sync" + (also.length ? " + " + also.join(", ") : ""),
    means: [
      "A new commit is applied by itself.",
      a.prune ? "What Git no longer has is deleted (prune)." : "What Git no longer has stays in the cluster (no prune).",
      a.selfHeal ? "What somebody changes in the cluster is changed back (self-heal)." : "What somebody changes in the cluster stays until the next commit (no self-heal).",
    ].join(" "),
  };
}

/** The merge patch that switches automatic sync on or off. What else is set stays, and is in force again when it is on. */
export function togglePatch(record: Application): string {
  return JSON.stringify({ spec: { syncPolicy: { automated: { enabled: !automation(record) } } } });
}

/** What the sync windows come to now; undefined when there is nothing to know. */
export function windowWords(w: ApplicationSyncWindowsResponse | undefined, now: number): { denied: boolean; text: string } | undefined {
  if (!w?.assignedWindows?.length) return undefined;
  const until = w.changes ? `, until ${clock(w.changes, now)}` : "";
  if (w.denied) {
    const manual = w.canSync ? "you may still sync by hand" : "syncing by hand is denied as well";
    return { denied: true, text: `Automatic sync is denied now${until}: ${w.denied}; ${manual}` };
  }
  // A window that is far away is nothing to think of today.
  if (!w.changes || Date.parse(w.changes) - now > 24 * 3600_000) return undefined;
  return { denied: false, text: `Sync windows allow syncing now${until}` };
}

/** When something ends: the time of day for today, and how long until then. */
function clock(at: string, now: number): string {
  const date = new Date(at);
  const today = new Date(now).toDateString() === date.toDateString();
  const text = date.toLocaleString(undefined, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
  return `${text} (${ago(at, now)})`;
}
