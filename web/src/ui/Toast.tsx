// Short news at the edge of the page: what was done, or why not. It says so to screen readers, too.
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useEffect, useRef, useSyncExternalStore, type ReactNode } from "react";
import { IconButton } from "./Button";
import styles from "./Toast.module.css";

interface News {
  id: number;
  bad: boolean;
  text: ReactNode;
}

let all: News[] = [];
let next = 1;
const watching = new Set<() => void>();
const change = (list: News[]) => {
  all = list;
  for (const tell of watching) tell();
};
const drop = (id: number) => change(all.filter((n) => n.id !== id));

/** Says that something was done. */
export function say(text: ReactNode): void {
  const id = next++;
  change([...all.slice(-3), { id, bad: false, text }]);
  window.setTimeout(() => drop(id), 5000);
}

/** Says that something failed; it stays until it is closed. */
export function sayFailure(doing: string, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  change([...all.slice(-3), { id: next++, bad: true, text: `Could not ${doing}: ${text}` }]);
}

export function Toasts() {
  const list = useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    () => all,
  );
  // A dialog lies above everything, but for what has come to lie above everything after it.
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const toasts = box.current;
    if (!toasts?.showPopover) return; // as in tests
    const open = toasts.matches(":popover-open");
    if (open && list.length > 0) toasts.hidePopover();
    if (!open || list.length > 0) toasts.showPopover();
  }, [list]);
  return (
    <div ref={box} popover="manual" className={styles.toasts} role="status" aria-live="polite">
      {list.map((n) => (
        <div key={n.id} className={`${styles.toast} ${n.bad ? styles.bad : ""}`}>
          {n.bad ? <CircleAlert aria-hidden /> : <CircleCheck aria-hidden />}
          <span>{n.text}</span>
          <IconButton label="Close this message" onClick={() => drop(n.id)}>
            <X />
          </IconButton>
        </div>
      ))}
    </div>
  );
}
