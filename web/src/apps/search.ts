// What the list of applications shows, as its address has it: a bookmark is a saved view.

/** Lists are joined by commas in the address. */
export interface AppsSearch {
  search?: string;
  sync?: string[];
  health?: string[];
  project?: string[];
  cluster?: string[];
  namespace?: string[];
  repo?: string[];
  label?: string[];
  owner?: string;
  operation?: string;
  sort?: string;
  view?: "tiles";
}

const lists = ["sync", "health", "project", "cluster", "namespace", "repo", "label"] as const;

export function validateAppsSearch(s: Record<string, unknown>): AppsSearch {
  const out: AppsSearch = {};
  const text = (v: unknown) => (typeof v === "string" && v !== "" ? v : typeof v === "number" ? String(v) : undefined);
  for (const name of lists) {
    const list = (Array.isArray(s[name]) ? s[name] : [s[name]]).map(text).filter((v) => v !== undefined);
    if (list.length > 0) out[name] = list;
  }
  for (const name of ["search", "owner", "operation", "sort"] as const) {
    const v = text(s[name]);
    if (v !== undefined) out[name] = v;
  }
  if (s.view === "tiles") out.view = "tiles";
  return out;
}
