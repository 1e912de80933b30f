// The order of the list's rows.
import { rank, type Item } from "./model";

export const columns = ["kind", "name", "namespace", "wave", "sync", "health", "age"] as const;
export type Column = (typeof columns)[number];

const syncs = ["OutOfSync", "Unknown", "Synced"];

/** Without a choice of the reader what is worst comes first. */
export const firstSort = "health";

export function readSort(text: string | undefined): { column: Column; down: boolean } {
  const down = !!text?.startsWith("-");
  const column = (down ? text!.slice(1) : text) as Column;
  return columns.includes(column) ? { column, down } : { column: firstSort, down: false };
}

/** What a press on a column's head makes of it: another press turns it round. */
export function nextSort(text: string | undefined, column: Column): string | undefined {
  const now = readSort(text);
  const next = now.column === column && !now.down ? "-" + column : column;
  return next === firstSort ? undefined : next;
}

export function sorted(items: Item[], text: string | undefined): Item[] {
  const { column, down } = readSort(text);
  const by = orders[column];
  const way = down ? -1 : 1;
  return [...items].sort((a, b) => way * by(a, b) || words(a.key.kind, b.key.kind) || words(a.id, b.id));
}

const words = new Intl.Collator("en", { numeric: true }).compare;
const syncRank = (i: Item) => (i.failed ? -1 : i.sync ? syncs.indexOf(i.sync) : syncs.length);

const orders: Record<Column, (a: Item, b: Item) => number> = {
  kind: (a, b) => words(a.key.kind, b.key.kind),
  name: (a, b) => words(a.key.name, b.key.name),
  namespace: (a, b) => words(a.key.namespace, b.key.namespace),
  wave: (a, b) => (a.wave ?? 0) - (b.wave ?? 0),
  sync: (a, b) => syncRank(a) - syncRank(b),
  health: (a, b) => rank(a.health) - rank(b.health) || syncRank(a) - syncRank(b),
  // The youngest first; what does not exist has no age, and comes last.
  age: (a, b) => ((a.created ?? "") > (b.created ?? "") ? -1 : a.created === b.created ? 0 : 1),
};
