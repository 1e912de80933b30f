// The keyboard shortcuts: one table, by which keys are handled and help is written.

export interface Shortcut {
  /** Keys one after the other, as KeyboardEvent.key has them. */
  keys: string[];
  /** Where it counts. */
  where: "anywhere" | "application" | "list" | "palette";
  does: string;
  /** What is done; undefined for what another part of the page listens for itself, and for what is written for help only. */
  run?: Action;
}

export type Action = "applications" | "settings" | "help" | "user" | "sync" | "refresh" | "diff" | "history" | "events" | "details";

export const shortcuts: Shortcut[] = [
  { keys: ["Ctrl K"], where: "anywhere", does: "Search or jump to applications, screens and actions" },
  { keys: ["?"], where: "anywhere", does: "Show the keyboard shortcuts", run: "help" },
  { keys: ["g", "a"], where: "anywhere", does: "Go to the applications", run: "applications" },
  { keys: ["g", "s"], where: "anywhere", does: "Go to the settings", run: "settings" },
  { keys: ["g", "u"], where: "anywhere", does: "Go to what you may do", run: "user" },
  { keys: ["Escape"], where: "anywhere", does: "Close what is open" },
  { keys: ["/"], where: "list", does: "Search the applications" },
  { keys: ["s"], where: "application", does: "Sync", run: "sync" },
  { keys: ["r"], where: "application", does: "Refresh: compare with Git now", run: "refresh" },
  { keys: ["d"], where: "application", does: "Show what differs", run: "diff" },
  { keys: ["h"], where: "application", does: "History and rollback", run: "history" },
  { keys: ["e"], where: "application", does: "Events", run: "events" },
  { keys: ["i"], where: "application", does: "Details", run: "details" },
  { keys: ["↑", "↓"], where: "palette", does: "Choose" },
  { keys: ["Enter"], where: "palette", does: "Go there, or do it" },
];

export const wheres: Record<Shortcut["where"], string> = { anywhere: "Anywhere", list: "On the list of applications", application: "On an application", palette: "While searching (Ctrl K)" };

/** How long the second key of a sequence is waited for. */
export const patience = 1200;

export interface Pending {
  keys: string[];
  at: number;
}

/**
 * What a key does after those before it: an action that is to be done, or keys that could become one. A key that
 * continues nothing begins anew, so that "g" "d" is "d".
 */
export function press(pending: Pending | undefined, key: string, now: number, onApplication: boolean): { run?: Action; pending?: Pending } {
  const before = pending && now - pending.at < patience ? pending.keys : [];
  const here = shortcuts.filter((s) => s.run && (s.where === "anywhere" || (s.where === "application" && onApplication)));
  for (const keys of before.length ? [[...before, key], [key]] : [[key]]) {
    const fits = here.filter((s) => keys.every((k, i) => s.keys[i] === k));
    const whole = fits.find((s) => s.keys.length === keys.length);
    if (whole) return { run: whole.run };
    if (fits.length > 0) return { pending: { keys, at: now } };
  }
  return {};
}

/** Keys belong to whoever is being written in, be it in a shadow root as the YAML editor is, and to open dialogs and menus. */
export function isBusy(e: Event): boolean {
  const target = e.composedPath()[0] ?? e.target;
  if (!(target instanceof Element)) return false;
  if (target.closest("input, textarea, select, [contenteditable=''], [contenteditable=true], [role=menu], [role=listbox], [role=combobox], .xterm, .cm-editor")) return true;
  return document.querySelector("dialog[open], [role=menu]") !== null;
}
