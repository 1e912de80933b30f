// What differs between two sets of manifests, object by object.
import { stringify } from "yaml";
import { same } from "../../edit/yaml";
import type { ObjectKey } from "../../types";

export interface Manifest {
  apiVersion?: string;
  kind?: string;
  metadata?: { name?: string; namespace?: string };
}

export interface Difference {
  key: ObjectKey;
  change: "added" | "removed" | "changed";
  before?: Manifest;
  after?: Manifest;
}

export function keyOf(m: Manifest): ObjectKey {
  const version = m.apiVersion ?? "";
  return { group: version.includes("/") ? version.split("/")[0]! : "", kind: m.kind ?? "", namespace: m.metadata?.namespace ?? "", name: m.metadata?.name ?? "" };
}

/** The objects that differ between two renders, each manifest a JSON text; by kind and name. */
export function compareManifests(before: string[], after: string[]): Difference[] {
  const left = byKey(before);
  const right = byKey(after);
  const all: Difference[] = [];
  for (const [id, [key, manifest]] of left) {
    const now = right.get(id);
    if (!now) all.push({ key, change: "removed", before: manifest });
    else if (!same(manifest, now[1])) all.push({ key, change: "changed", before: manifest, after: now[1] });
  }
  for (const [id, [key, manifest]] of right) {
    if (!left.has(id)) all.push({ key, change: "added", after: manifest });
  }
  return all.sort((a, b) => words(a.key).localeCompare(words(b.key)));
}

const words = (k: ObjectKey) => `${k.kind}/${k.namespace}/${k.name}`;

function byKey(list: string[]): Map<string, [ObjectKey, Manifest]> {
  const all = new Map<string, [ObjectKey, Manifest]>();
  for (const text of list) {
    const manifest = JSON.parse(text) as Manifest;
    const key = keyOf(manifest);
    all.set([key.group, key.kind, key.namespace, key.name].join("/"), [key, manifest]);
  }
  return all;
}

/** As text, for one that is looked at: of thousands that would take seconds. Empty for none. The order of fields says nothing: two renders may differ in it. */
export const yaml = (m: Manifest | undefined): string => (m ? stringify(m, { sortMapEntries: true, lineWidth: 0 }) : "");
