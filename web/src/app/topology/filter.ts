// Which objects are looked for, as the address has it: "kind:Pod health:Degraded shop". Words are looked for in kind,
// namespace, name and images. Several values of one field widen, everything else narrows.
import { healths, type Item } from "./model";

const fields = ["kind", "health", "sync", "is"] as const;
export type Field = (typeof fields)[number];

export interface Filter {
  words: string[];
  of: Record<Field, string[]>;
}

export function readFilter(find: string | undefined): Filter {
  const filter: Filter = { words: [], of: { kind: [], health: [], sync: [], is: [] } };
  for (const word of (find ?? "").toLowerCase().split(/\s+/)) {
    const colon = word.indexOf(":");
    const field = word.slice(0, colon) as Field;
    if (colon > 0 && fields.includes(field)) {
      if (colon + 1 < word.length) filter.of[field].push(word.slice(colon + 1));
    } else if (word) filter.words.push(word);
  }
  return filter;
}

export const asksNothing = (f: Filter) => f.words.length === 0 && fields.every((field) => f.of[field].length === 0);

export function matches(f: Filter, i: Item): boolean {
  const { kind, health, sync, is } = f.of;
  if (kind.length > 0 && !kind.includes(i.key.kind.toLowerCase())) return false;
  if (health.length > 0 && !health.includes((i.health ?? "none").toLowerCase())) return false;
  if (sync.length > 0 && !sync.includes((i.sync ?? "none").toLowerCase())) return false;
  if (!is.every((mark) => (mark === "hook" ? !!i.hook : mark === "prune" ? i.prune : mark === "orphaned" ? i.orphaned : mark === "failed" ? !!i.failed : true))) return false;
  if (f.words.length === 0) return true;
  const text = `${i.key.kind}\n${i.key.namespace}\n${i.key.name}\n${i.images.join("\n")}`.toLowerCase();
  return f.words.every((w) => text.includes(w));
}

/** The words without those of fields: what stands in the box. */
export const wordsOf = (find: string | undefined) =>
  (find ?? "")
    .split(/\s+/)
    .filter((w) => w && !isField(w))
    .join(" ");

/** The same filter with other words. */
export function withWords(find: string | undefined, words: string): string | undefined {
  const kept = (find ?? "").split(/\s+/).filter((w) => w && isField(w));
  return [...kept, words.trim()].filter(Boolean).join(" ") || undefined;
}

const isField = (word: string) => fields.includes(word.slice(0, Math.max(0, word.indexOf(":"))).toLowerCase() as Field);

export const has = (find: string | undefined, field: Field, value: string) => readFilter(find).of[field].includes(value.toLowerCase());

/** The same filter with one value more, or less when it was there. */
export function toggle(find: string | undefined, field: Field, value: string): string | undefined {
  const word = `${field}:${value}`;
  const words = (find ?? "").split(/\s+/).filter(Boolean);
  const rest = words.filter((w) => w.toLowerCase() !== word.toLowerCase());
  return (rest.length < words.length ? rest : [...words, word]).join(" ") || undefined;
}

export interface Facets {
  kind: [value: string, count: number][];
  health: [value: string, count: number][];
  sync: [value: string, count: number][];
  hooks: number;
  prune: number;
  failed: number;
}

/** What there is to choose from, with how many of each. */
export function facets(items: Item[]): Facets {
  const kind = new Map<string, number>();
  const health = new Map<string, number>();
  const sync = new Map<string, number>();
  const out = { hooks: 0, prune: 0, failed: 0 };
  const count = (of: Map<string, number>, value: string | undefined) => value && of.set(value, (of.get(value) ?? 0) + 1);
  for (const i of items) {
    count(kind, i.key.kind);
    count(health, i.health);
    count(sync, i.sync);
    if (i.hook) out.hooks++;
    if (i.prune) out.prune++;
    if (i.failed) out.failed++;
  }
  const inOrder = (of: Map<string, number>, order: readonly string[]) => order.filter((v) => of.has(v)).map((v): [string, number] => [v, of.get(v)!]);
  return {
    ...out,
    kind: [...kind].sort(([a], [b]) => (a < b ? -1 : 1)),
    health: inOrder(health, healths),
    sync: inOrder(sync, ["OutOfSync", "Unknown", "Synced"]),
  };
}
