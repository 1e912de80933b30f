// The clipboard. Browsers give it only to pages that came over https, or from the same machine.
import { say, sayFailure } from "./Toast";

/** Puts a text into the clipboard; fails in words. */
export async function put(text: string): Promise<void> {
  if (!navigator.clipboard) throw new Error("this browser lets only pages with https copy. Mark the text and use the browser's own copy.");
  await navigator.clipboard.writeText(text);
}

/** The same for what is pressed: says what was copied, or why not. */
export function copy(text: string, what: string): void {
  put(text).then(
    () => say(`Copied ${what}`),
    (error) => sayFailure("copy", error),
  );
}
