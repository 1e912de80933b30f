// Short news at the edge of the page: what was done, or why not. It says so to screen readers, too.
//
// A modal dialog makes all beside it inert. So the news stands in the dialog that is on top, where it can be closed; and
// it is said in the page and in each dialog, for it comes as often as not at the moment in which a dialog closes.
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { createPortal } from "react-dom";
import { IconButton } from "./Button";
import styles from "./Toast.module.css";
import { useTop } from "./top";

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

function useNews(): News[] {
  return useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    () => all,
  );
}

export function Toasts() {
  const list = useNews();
  const top = useTop();
  // It lies above everything that has come to lie above everything before it.
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const toasts = box.current;
    if (!toasts?.showPopover) return; // as in tests
    const open = toasts.matches(":popover-open");
    if (open && list.length > 0) toasts.hidePopover();
    if (!open || list.length > 0) toasts.showPopover();
  }, [list, top]);
  return (
    <>
      <Aloud />
      {createPortal(
        <div ref={box} popover="manual" className={styles.toasts} role={list.length > 0 ? "region" : undefined} aria-label={list.length > 0 ? "Messages" : undefined}>
          {list.map((n) => (
            <div key={n.id} className={`${styles.toast} ${n.bad ? styles.bad : ""}`}>
              {n.bad ? <CircleAlert aria-hidden /> : <CircleCheck aria-hidden />}
              <span>{n.text}</span>
              <IconButton label="Close this message" onClick={() => drop(n.id)}>
                <X />
              </IconButton>
            </div>
          ))}
        </div>,
        top ?? document.body,
      )}
    </>
  );
}

/** How long a message stays where it is said: long enough to be heard of, and gone before it is read a second time. */
const heard = 1500;

/** Says what is new to screen readers, and nothing to those who see it. */
export function Aloud() {
  const last = useNews().at(-1);
  const [said, setSaid] = useState(last?.id ?? 0); // what is older than this place was said elsewhere
  const fresh = last && last.id > said ? last : undefined;
  useEffect(() => {
    if (!fresh) return;
    const timer = window.setTimeout(() => setSaid(fresh.id), heard);
    return () => window.clearTimeout(timer);
  }, [fresh]);
  return (
    <div className="unseen" role="status">
      {fresh?.text}
    </div>
  );
}
