import { say, sayFailure } from "./Toast";

/** Copies a text, and says so; what is "the YAML". Without https a browser has no clipboard for pages, but on its own machine. */
export function copyText(text: string, what: string, done: () => void = () => say(`Copied ${what}`)): void {
  if (!navigator.clipboard) return sayFailure("copy", "this browser lets pages do that only with https. Mark the text and use the browser's own copy.");
  navigator.clipboard.writeText(text).then(done, (error) => sayFailure("copy", error));
}
