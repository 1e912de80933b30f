import { X } from "lucide-react";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { IconButton } from "./Button";
import { Aloud } from "./Toast";
import { entered } from "./top";
import styles from "./Dialog.module.css";

interface Props {
  title: ReactNode;
  /** Called when the reader closes it: Escape, the cross, a click beside it. */
  onClose: () => void;
  children: ReactNode;
  /** The buttons at the bottom, the one to press last. */
  actions?: ReactNode;
  /** "side" stands at the right edge and has the height of the window. */
  place?: "middle" | "side";
  /** "full" leaves a margin around it, and is as high as it can be. */
  width?: "narrow" | "normal" | "wide" | "full";
  /** A click beside it does not close it: what it shows cannot be had again. */
  firm?: boolean;
}

/** A modal dialog, by the browser's own <dialog>: it keeps the focus, and gives it back. */
export function Dialog({ title, onClose, children, actions, place = "middle", width = "normal", firm }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const label = useId();
  useEffect(() => {
    const dialog = ref.current!;
    const from = opener();
    if (!dialog.open) dialog.showModal();
    const leave = entered(dialog);
    return () => {
      leave();
      dialog.close();
      from?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={`${styles.dialog} ${styles[place]} ${styles[width]}`}
      aria-labelledby={label}
      // The browser would close it by itself at a second Escape, whatever is still to be asked: so it does not get the key.
      onKeyDown={(e) => {
        if (e.key !== "Escape" || e.defaultPrevented) return;
        e.preventDefault();
        onClose();
      }}
      onCancel={(e) => {
        e.preventDefault(); // as a phone's gesture for back
        onClose();
      }}
      onMouseDown={(e) => {
        if (!firm && e.target === ref.current) onClose();
      }}
    >
      <div className={styles.inside}>
        <header className={styles.head}>
          <h2 id={label}>{title}</h2>
          <IconButton label="Close" onClick={onClose}>
            <X />
          </IconButton>
        </header>
        <div className={styles.body}>{children}</div>
        {actions && <footer className={styles.actions}>{actions}</footer>}
        <Aloud />
      </div>
    </dialog>
  );
}

/** What the focus goes back to. The item of a menu goes with its menu: its button is what stays. */
function opener(): HTMLElement | null {
  const focused = document.activeElement as HTMLElement | null;
  const button = focused?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  return (button && document.getElementById(button)) || focused;
}
