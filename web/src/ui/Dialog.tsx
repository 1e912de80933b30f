import { X } from "lucide-react";
import { useEffect, useId, useRef, type ReactNode } from "react";
import { IconButton } from "./Button";
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
}

/** A modal dialog, by the browser's own <dialog>: it keeps the focus, and gives it back. */
export function Dialog({ title, onClose, children, actions, place = "middle", width = "normal" }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const label = useId();
  useEffect(() => {
    const dialog = ref.current!;
    const from = document.activeElement as HTMLElement | null;
    if (!dialog.open) dialog.showModal();
    return () => {
      dialog.close();
      from?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={`${styles.dialog} ${styles[place]} ${styles[width]}`}
      aria-labelledby={label}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onMouseDown={(e) => {
        if (e.target === ref.current) onClose();
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
      </div>
    </dialog>
  );
}
