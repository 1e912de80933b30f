/** What the screen of a new application shows, as its address has it. */
export interface NewSearch {
  /** The application to copy: namespace/name. */
  from?: string;
  /** What is shown where there is no room for all: the form otherwise. */
  view?: View;
}

export const views = ["form", "yaml", "preview"] as const;
export type View = (typeof views)[number];

export function validateNewSearch(s: Record<string, unknown>): NewSearch {
  const out: NewSearch = {};
  if (typeof s.from === "string" && s.from !== "") out.from = s.from;
  if (s.view === "yaml" || s.view === "preview") out.view = s.view;
  return out;
}
