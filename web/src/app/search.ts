// What the screen of an application shows, as its address has it.
import type { ObjectKey } from "../types";

export const panels = ["sync", "operation", "history", "events", "details", "diff", "edit", "delete"] as const;
export type Panel = (typeof panels)[number];

export interface AppSearch {
  view?: "network" | "list" | "pods";
  panel?: Panel;
  /** The object whose drawer is open: group/kind/namespace/name. */
  node?: string;
  /** The drawer's tab, or the panel's. */
  tab?: string;
  /** What is chosen for a sync: see sync/choices. */
  sync?: string;
  /** Words that are looked for in the topology. */
  find?: string;
  /** Objects of no application are shown, too. */
  orphaned?: true;
  /** What is folded out and in: topology/opened. */
  open?: string;
  /** What the rows of the list are sorted by; "-" before it for the other way round. */
  sort?: string;
  /** What pods are grouped by; otherwise their workload. */
  by?: "node";
  /** Which log is shown: logs/chosen.ts. */
  log?: string;
  /** Which lines of it. */
  lines?: string;
}

export function validateAppSearch(s: Record<string, unknown>): AppSearch {
  const out: AppSearch = {};
  if (s.view === "network" || s.view === "list" || s.view === "pods") out.view = s.view;
  if (panels.includes(s.panel as Panel)) out.panel = s.panel as Panel;
  for (const name of ["node", "tab", "find", "open", "sort", "sync", "log", "lines"] as const) {
    const v = s[name];
    if (typeof v === "string" && v !== "") out[name] = v;
  }
  if (s.orphaned === true) out.orphaned = true;
  if (s.by === "node") out.by = "node";
  return out;
}

export const nodeOf = (k: ObjectKey): string => [k.group, k.kind, k.namespace, k.name].join("/");

/** Reads a node of an address. A fifth part, the index of a container in Argo CD's links, is left out. */
export function parseNode(text: string | undefined): ObjectKey | undefined {
  const [group, kind, namespace, name] = text?.split("/") ?? [];
  return kind && name ? { group, kind, namespace, name } : undefined;
}
