// What differs between two sets of manifests: object by object, and line by line.
import { diffArrays } from "diff";
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

/** One row of two columns: undefined where a side has no line. */
export interface Row {
  left?: string;
  right?: string;
  same: boolean;
}

/** Rows, or how many equal ones are left out. */
export type Part = { rows: Row[] } | { folded: number };

/** Two texts side by side, with a few equal lines around what differs. */
export function sideBySide(before: string, after: string, context = 3): Part[] {
  const rows: Row[] = [];
  const parts = diffArrays(lines(before), lines(after), { maxEditLength: 3000 }) ?? [
    { removed: true, added: false, value: lines(before) },
    { removed: false, added: true, value: lines(after) },
  ];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (!part.added && !part.removed) {
      for (const line of part.value) rows.push({ left: line, right: line, same: true });
      continue;
    }
    const next = parts[i + 1];
    const left = part.removed ? part.value : [];
    const right = part.added ? part.value : next?.added ? next.value : [];
    if (part.removed && next?.added) i++;
    for (let j = 0; j < Math.max(left.length, right.length); j++) rows.push({ left: left[j], right: right[j], same: false });
  }
  return fold(rows, context);
}

const lines = (text: string) => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

function fold(rows: Row[], context: number): Part[] {
  const near = new Uint8Array(rows.length);
  rows.forEach((row, i) => {
    if (!row.same) near.fill(1, Math.max(0, i - context), i + context + 1);
  });
  const parts: Part[] = [];
  for (let i = 0; i < rows.length; ) {
    let j = i;
    while (j < rows.length && near[j] === near[i]) j++;
    parts.push(near[i] ? { rows: rows.slice(i, j) } : { folded: j - i });
    i = j;
  }
  return parts;
}
