// What the list of applications shows, as its address has it: a bookmark is a saved view.

export const filters = ["sync", "health", "operation", "project", "cluster", "namespace", "label", "repo", "owner"] as const;
export type Filter = (typeof filters)[number];

/** Of several values of one filter any will do; the filters must all hold. */
export type AppsSearch = { [F in Filter]?: string[] } & {
  /** Words, each of which must stand somewhere in what an application is known by. */
  search?: string;
  /** A column; with a minus for the reverse. */
  sort?: string;
  view?: "tiles";
};

// Neither a name nor the address of a repository has a comma in it. A label may be a selector, which may: "tier in (a,b)".
const joined = filters.filter((f) => f !== "label");

export function validateAppsSearch(s: Record<string, unknown>): AppsSearch {
  const out: AppsSearch = {};
  const text = (v: unknown) => (typeof v === "string" ? v : typeof v === "number" || typeof v === "boolean" ? String(v) : "");
  for (const name of filters) {
    let list = (Array.isArray(s[name]) ? s[name] : [s[name]]).map(text);
    if (name !== "label") list = list.flatMap((v) => v.split(","));
    list = [...new Set(list.map((v) => v.trim()).filter((v) => v !== ""))];
    if (list.length > 0) out[name] = list;
  }
  for (const name of ["search", "sort"] as const) {
    const v = text(s[name]);
    if (v !== "") out[name] = v;
  }
  if (s.view === "tiles") out.view = "tiles";
  return out;
}

/** The search as an address has it: with lists joined, so that people can read and write it. */
export function plainAppsSearch<S extends object>(s: S): S {
  const out = { ...s } as Record<string, unknown>;
  for (const name of joined) if (Array.isArray(out[name])) out[name] = (out[name] as string[]).join(",");
  if (Array.isArray(out.label) && out.label.length === 1) out.label = out.label[0];
  return out as S;
}

/** Adds a value to a filter, or takes it away. */
export function toggled(s: AppsSearch, filter: Filter, value: string): AppsSearch {
  const had = s[filter] ?? [];
  return only(s, filter, had.includes(value) ? had.filter((v) => v !== value) : [...had, value]);
}

/** Sets a filter to exactly these values; none takes it away. */
export function only(s: AppsSearch, filter: Filter, values: string[]): AppsSearch {
  const out = { ...s };
  delete out[filter];
  if (values.length > 0) out[filter] = values;
  return out;
}

/** What remains without what narrows the list. */
export const cleared = ({ sort, view }: AppsSearch): AppsSearch => ({ ...(sort && { sort }), ...(view && { view }) });

export const narrowed = (s: AppsSearch): boolean => !!s.search || filters.some((f) => s[f]?.length);

/** How the states are filtered that stand in the summary; the others say which part of the fleet it is about. */
export const states = ["sync", "health", "operation"] as const;

/** The part of the fleet that is looked at, whatever its state. */
export function scope(s: AppsSearch): AppsSearch {
  const out = { ...s };
  for (const f of states) delete out[f];
  delete out.sort;
  delete out.view;
  return out;
}

/** Exactly this state and no other, or every state when it was that already. */
export function showOnly(s: AppsSearch, filter: (typeof states)[number], values: string[]): AppsSearch {
  const out = { ...s };
  for (const f of states) delete out[f];
  return showsOnly(s, filter, values) ? out : only(out, filter, values);
}

export function showsOnly(s: AppsSearch, filter: (typeof states)[number], values: string[]): boolean {
  const same = (a: string[] = [], b: string[] = []) => a.length === b.length && a.every((v) => b.includes(v));
  return states.every((f) => same(s[f], f === filter ? values : []));
}

/** The next order when a column's head is pressed: by it, by it the other way round, by name. What is newest comes first. */
export function nextSort(now: string | undefined, column: string): string | undefined {
  const first = column === "created" || column === "operation" ? "-" + column : column;
  const second = first === column ? "-" + column : column;
  if (column === "name") return now === "-name" ? undefined : "-name";
  return now === first ? second : now === second ? undefined : first;
}

/** A label selector that holds when any of the values of each label does: "a=1", "a=2" and "b" make "a in (1,2),b". */
export function selectorOf(labels: string[] = []): string | undefined {
  const values = new Map<string, string[]>();
  const others: string[] = [];
  for (const l of labels) {
    const [, key, value] = /^([^=!\s(),]+)==?([^=!\s(),]*)$/.exec(l) ?? [];
    if (key === undefined) others.push(l);
    else values.set(key, [...(values.get(key) ?? []), value ?? ""]);
  }
  const parts = [...values].map(([key, list]) => (list.length === 1 ? `${key}=${list[0]}` : `${key} in (${list.join(",")})`));
  return [...parts, ...others].join(",") || undefined;
}
