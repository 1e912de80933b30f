// Views of the list that the reader has named. They are kept in this browser only.
import { useSyncExternalStore } from "react";
import { validateAppsSearch, type AppsSearch } from "./search";

export interface View {
  name: string;
  search: AppsSearch;
}

const key = "hawser.views";
const most = 50;

/** Reads kept views; what somebody else may have written there is looked at twice. */
export function readViews(text: string | null): View[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(list)) return [];
    return list
      .filter((v): v is { name: string; search: object } => typeof v?.name === "string" && v.name !== "" && typeof v.search === "object" && v.search !== null)
      .slice(0, most)
      .map((v) => ({ name: v.name.slice(0, 60), search: validateAppsSearch(v.search as Record<string, unknown>) }));
  } catch {
    return [];
  }
}

/** The views with one more; one of the same name takes its place. */
export const withView = (views: View[], name: string, search: AppsSearch): View[] =>
  [...views.filter((v) => v.name !== name), { name, search }].sort((a, b) => a.name.localeCompare(b.name)).slice(0, most);

let text = localStorage.getItem(key);
let views = readViews(text);
const watching = new Set<() => void>();

function put(list: View[]) {
  text = JSON.stringify(list);
  views = list;
  try {
    localStorage.setItem(key, text);
  } catch {
    // A browser that keeps nothing forgets them with the page.
  }
  for (const tell of watching) tell();
}

window.addEventListener("storage", (e) => {
  if (e.key !== key) return;
  text = e.newValue;
  views = readViews(text);
  for (const tell of watching) tell();
});

export const keepView = (name: string, search: AppsSearch) => put(withView(views, name, search));
export const dropView = (name: string) => put(views.filter((v) => v.name !== name));

export function useViews(): View[] {
  return useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    () => views,
  );
}
