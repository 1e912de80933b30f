// The applications that were looked at last, in this browser.
import type { AppName } from "../types";

const key = "hawser.recent";
const most = 8;

export function recent(): AppName[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    if (!Array.isArray(list)) return [];
    return list.filter((a): a is AppName => typeof a?.name === "string" && typeof a?.namespace === "string").slice(0, most);
  } catch {
    return []; // somebody else's text, or none that can be stored here
  }
}

export function visited(app: AppName): void {
  const others = recent().filter((a) => a.name !== app.name || a.namespace !== app.namespace);
  try {
    localStorage.setItem(key, JSON.stringify([{ namespace: app.namespace, name: app.name }, ...others].slice(0, most)));
  } catch {
    // The browser stores nothing: then nothing is remembered.
  }
}
