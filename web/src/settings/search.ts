// What a screen of the settings shows, as its address has it.

export interface SettingsSearch {
  tab?: string;
  /** The form that is open: "new", "edit", "token", … as the screen names them. */
  form?: string;
  /** The item that is open, where it has no address of its own: a repository's address, a role's name. */
  of?: string;
  /** The project of that item. */
  project?: string;
  /** Words that are looked for in the list. */
  find?: string;
}

export function validateSettingsSearch(s: Record<string, unknown>): SettingsSearch {
  const out: SettingsSearch = {};
  for (const name of ["tab", "form", "of", "project", "find"] as const) {
    const v = s[name];
    if (typeof v === "string" && v !== "") out[name] = v;
    else if (typeof v === "number") out[name] = String(v); // the address has no types: ?find=2026
  }
  return out;
}
