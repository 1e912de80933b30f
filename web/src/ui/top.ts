// Which modal dialog is on top. All that is not inside of it is inert: it can neither be pressed nor heard.
import { useSyncExternalStore } from "react";

let open: readonly HTMLElement[] = [];
const watching = new Set<() => void>();
const change = (list: readonly HTMLElement[]) => {
  open = list;
  for (const tell of watching) tell();
};

/** A dialog has opened; what it returns says that it has closed. */
export function entered(dialog: HTMLElement): () => void {
  change([...open, dialog]);
  return () => change(open.filter((d) => d !== dialog));
}

/** The dialog that is on top; undefined when none is open. */
export function useTop(): HTMLElement | undefined {
  return useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    () => open.at(-1),
  );
}
