// What goes when an application is deleted, and what stays.
import type { Application, ApplicationTree } from "../../types";

export const ways = ["foreground", "background", "leave"] as const;
export type Way = (typeof ways)[number];

export interface Going {
  /** The application's own objects, by kind: "3 ConfigMaps". */
  own: { kind: string; count: number }[];
  total: number;
  /** What they own: pods, ReplicaSets. */
  owned: number;
  /** Applications among its objects: theirs go with them. */
  applications: string[];
}

export function goingOf(record: Application, tree: ApplicationTree | undefined): Going {
  const kinds = new Map<string, number>();
  const applications: string[] = [];
  let total = 0;
  for (const r of record.status?.resources ?? []) {
    if (r.health?.status === "Missing") continue; // it is not there
    total++;
    kinds.set(r.kind ?? "", (kinds.get(r.kind ?? "") ?? 0) + 1);
    if (r.kind === "Application" && r.group === "argoproj.io") applications.push(r.name ?? "");
  }
  const owned = (tree?.nodes ?? []).filter((n) => n.parentRefs?.length).length;
  return { own: [...kinds].map(([kind, count]) => ({ kind, count })).sort((a, b) => b.count - a.count || a.kind.localeCompare(b.kind)), total, owned, applications: applications.sort() };
}

/** How the API is asked for each way. */
export const request = (way: Way) => (way === "leave" ? { cascade: "false" } : { cascade: "true", propagationPolicy: way });
