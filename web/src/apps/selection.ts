// The applications that are chosen for a bulk action.
import type { Application } from "../types";
import { keyOf } from "./row";

/** What a bulk action has to know of an application. */
export interface Chosen {
  namespace: string;
  name: string;
  project: string;
  /** Its own sync options: those of a sync take their place, so they have to be sent along. */
  syncOptions: string[];
}

export type Selection = ReadonlyMap<string, Chosen>;

/** The fields that are needed to choose. */
export const chosenFields = "items.metadata.name,items.metadata.namespace,items.spec.project,items.spec.syncPolicy.syncOptions";

export const chosenOf = (a: Application): Chosen => ({
  namespace: a.metadata?.namespace ?? "",
  name: a.metadata?.name ?? "",
  project: a.spec?.project || "default",
  syncOptions: a.spec?.syncPolicy?.syncOptions ?? [],
});

/** The selection with these applications in it, or without them. */
export function choose(selection: Selection, apps: Application[], chosen: boolean): Selection {
  const out = new Map(selection);
  for (const a of apps) {
    if (chosen) out.set(keyOf(a), chosenOf(a));
    else out.delete(keyOf(a));
  }
  return out;
}

/** The options of a sync of one application: its own, with those chosen now, which win. */
export function optionsFor(own: string[], chosen: string[]): string[] {
  const name = (o: string) => o.split("=", 1)[0];
  return [...own.filter((o) => !chosen.some((c) => name(c) === name(o))), ...chosen];
}

/** "checkout", "checkout and shop", "checkout, shop and 8 more". */
export function named(apps: { name: string }[]): string {
  const names = apps.map((a) => a.name);
  if (names.length <= 1) return names.join("");
  if (names.length <= 3) return names.slice(0, -1).join(", ") + " and " + names[names.length - 1];
  return `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}
