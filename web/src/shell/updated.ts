// After an upgrade of the server, an open page asks for parts of itself that are no longer there.
import { useSyncExternalStore } from "react";

let updated = false;
const watching = new Set<() => void>();

window.addEventListener("vite:preloadError", () => {
  updated = true;
  for (const tell of watching) tell();
});

export function useUpdated(): boolean {
  return useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    () => updated,
  );
}

/** What browsers say when a part of the page could not be loaded; each has words of its own. */
export const isMissingPart = (error: unknown): boolean => error instanceof Error && /dynamically imported module|importing a module script|preload CSS/i.test(error.message);
