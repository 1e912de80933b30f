import type { Account } from "../../types";

/** What an account can be used for. */
export function mayWords(a: Account): string {
  const login = a.capabilities?.includes("login");
  const key = a.capabilities?.includes("apiKey");
  if (login && key) return "log in, and have API tokens";
  if (login) return "log in";
  return key ? "have API tokens" : "do nothing";
}

/** Where a refusal of a change of password belongs: beside the field that it is about, or at the end of the form. */
export function passwordFault(error: unknown): "current" | "new" | "form" {
  const text = error instanceof Error ? error.message : "";
  if (/current password/i.test(text)) return "current";
  return /new password/i.test(text) ? "new" : "form";
}

/** Whether a password fits the server's pattern, a regular expression of Go; undefined when this browser cannot read it. */
export function fits(pattern: string | undefined, password: string): boolean | undefined {
  if (!pattern) return undefined;
  try {
    return new RegExp(pattern, "u").test(password);
  } catch {
    return undefined;
  }
}

/** The usual pattern in words: "8 to 32 characters". Others are shown as they are. */
export function patternWords(pattern: string | undefined): string {
  const m = /^\^\.\{(\d+),(\d*)\}\$$/.exec(pattern ?? "");
  if (m) return m[2] ? `${m[1]} to ${m[2]} characters.` : `At least ${m[1]} characters.`;
  return pattern ? `It must match ${pattern}.` : "";
}
