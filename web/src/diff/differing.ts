// Which objects of an application are not as Git says, as its record has them: no manifest has to be loaded to know it.
import { keyOf } from "../app/object/facts";
import type { Application, ObjectKey } from "../types";

export interface Differing {
  key: ObjectKey;
  /** Git does not have it: a sync that prunes deletes it. */
  prune: boolean;
  /** The cluster does not have it. */
  missing: boolean;
  /** Why the last sync of it failed. */
  failed?: string;
}

/** Objects that differ: those on which the last sync failed first, then by what a sync would do: create, change, delete. */
export function differing(record: Application): Differing[] {
  const results = new Map((record.status?.operationState?.syncResult?.resources ?? []).map((r) => [JSON.stringify(keyOf(r)), r]));
  const list = (record.status?.resources ?? []).flatMap((r): Differing[] => {
    if (r.hook || r.status === "Synced") return [];
    const key = keyOf(r);
    const result = results.get(JSON.stringify(key));
    return [{ key, prune: !!r.requiresPruning, missing: r.health?.status === "Missing" || (!r.uid && !r.requiresPruning), failed: result?.status === "SyncFailed" ? result.message || "It failed, and nobody said why." : undefined }];
  });
  const rank = (d: Differing) => (d.failed ? 0 : d.missing ? 1 : d.prune ? 3 : 2);
  return list.map((d, i) => ({ d, i })).sort((a, b) => rank(a.d) - rank(b.d) || a.i - b.i).map(({ d }) => d);
}

/** How many differ, in words: "2 differ, 1 is missing, 1 is not in Git". */
export function tally(list: readonly Differing[]): string {
  const n = (of: number, one: string, more: string) => (of === 0 ? [] : [of === 1 ? `1 ${one}` : `${of} ${more}`]);
  const missing = list.filter((d) => d.missing).length;
  const prune = list.filter((d) => d.prune).length;
  return [...n(list.length - missing - prune, "differs", "differ"), ...n(missing, "is missing", "are missing"), ...n(prune, "is not in Git", "are not in Git")].join(", ");
}
