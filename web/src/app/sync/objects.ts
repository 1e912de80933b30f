// The objects of an application for choosing from: by kind, and those that are looked for.
import type { ResourceStatus } from "../../types";
import { nodeOf } from "../search";
import { keyOf } from "./preview";

export interface Choosable {
  node: string;
  kind: string;
  name: string;
  namespace: string;
  out: boolean;
  prunable: boolean;
}

export interface KindGroup {
  kind: string;
  objects: Choosable[];
}

export function choosable(list: readonly ResourceStatus[] | undefined): Choosable[] {
  return (list ?? [])
    .filter((r) => !r.hook)
    .map((r) => {
      const key = keyOf(r);
      return { node: nodeOf(key), kind: key.kind, name: key.name, namespace: key.namespace, out: r.status === "OutOfSync", prunable: !!r.requiresPruning };
    });
}

/** Those with all the words in kind, namespace or name, by kind. */
export function grouped(list: readonly Choosable[], find: string): KindGroup[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, Choosable[]>();
  for (const o of list) {
    const text = `${o.kind} ${o.namespace} ${o.name}`.toLowerCase();
    if (!words.every((w) => text.includes(w))) continue;
    const group = groups.get(o.kind);
    if (group) group.push(o);
    else groups.set(o.kind, [o]);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([kind, objects]) => ({ kind, objects: objects.sort((a, b) => a.name.localeCompare(b.name) || a.namespace.localeCompare(b.namespace)) }));
}

/** The choice with these added or taken out, in a stable order. */
export function changed(chosen: readonly string[], nodes: readonly string[], on: boolean): string[] {
  const set = new Set(chosen);
  for (const n of nodes) {
    if (on) set.add(n);
    else set.delete(n);
  }
  return [...set];
}
