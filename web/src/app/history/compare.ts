// What differs between two sets of manifests, object by object.
import { stringify } from "yaml";
import type { ObjectKey } from "../../types";

export interface Manifest {
  apiVersion?: string;
  kind?: string;
  metadata?: { name?: string; namespace?: string };
}

export interface Difference {
  key: ObjectKey;
  change: "added" | "removed" | "changed";
  /** YAML; empty where the object is not. */
  before: string;
  after: string;
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
    if (!now) all.push({ key, change: "removed", before: yaml(manifest), after: "" });
    else {
      const [a, b] = [yaml(manifest), yaml(now[1])];
      if (a !== b) all.push({ key, change: "changed", before: a, after: b });
    }
  }
  for (const [id, [key, manifest]] of right) {
    if (!left.has(id)) all.push({ key, change: "added", before: "", after: yaml(manifest) });
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

// The order of fields says nothing: two renders may differ in it.
const yaml = (m: Manifest) => stringify(m, { sortMapEntries: true, lineWidth: 0 });
