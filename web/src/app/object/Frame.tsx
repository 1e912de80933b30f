import { X } from "lucide-react";
import { useEffect, useId, useRef, useState, useSyncExternalStore, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { usePreference } from "../../preference";
import { IconButton } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import styles from "./Frame.module.css";

interface Props {
  title: ReactNode;
  onClose: () => void;
  children: ReactNode;
}

/** Where the drawer stands: beside the picture where there is room for both, and else over it. */
export function Frame(props: Props) {
  return useWide() ? (
    <Side {...props} />
  ) : (
    <Dialog title={props.title} place="side" width="wide" onClose={props.onClose}>
      <div className={styles.over}>{props.children}</div>
    </Dialog>
  );
}

const wide = window.matchMedia("(min-width: 1100px)");
function useWide() {
  return useSyncExternalStore(
    (tell) => {
      wide.addEventListener("change", tell);
      return () => wide.removeEventListener("change", tell);
    },
    () => wide.matches,
  );
}

const least = 420;
/** So much is left for the picture. */
const picture = 380;
const most = () => Math.max(least, window.innerWidth - picture);
const fitting = (width: number) => Math.round(Math.min(most(), Math.max(least, width)));

// What had the focus before the drawer opened, and gets it back: not something in an earlier drawer, which is gone.
let before: HTMLElement | null = null;

function Side({ title, onClose, children }: Props) {
  const label = useId();
  const ref = useRef<HTMLElement>(null);
  const [liked, setLiked] = usePreference<number>("drawer", fitting(window.innerWidth * 0.54), (kept) => (typeof kept === "number" && kept > 0 ? kept : undefined));
  const [dragged, setDragged] = useState<number>();
  const width = fitting(dragged ?? liked);

  useEffect(() => {
    const side = ref.current!;
    const focused = document.activeElement as HTMLElement | null;
    if (focused && focused !== document.body && !side.contains(focused)) before = focused;
    side.focus({ preventScroll: true });
    return () => {
      // Another drawer may take this one's place at once, and then keeps the focus.
      const back = before;
      window.setTimeout(() => {
        if (!document.querySelector("[data-drawer]") && back?.isConnected && (document.activeElement === document.body || !document.activeElement)) back.focus({ preventScroll: true });
      });
    };
  }, []);

  const drag = (e: PointerEvent<HTMLDivElement>) => {
    e.preventDefault();
    const handle = e.currentTarget;
    handle.setPointerCapture(e.pointerId);
    const right = ref.current!.getBoundingClientRect().right;
    let last = width;
    const move = (m: globalThis.PointerEvent) => setDragged((last = fitting(right - m.clientX)));
    handle.addEventListener("pointermove", move);
    handle.addEventListener(
      "lostpointercapture",
      () => {
        handle.removeEventListener("pointermove", move);
        setDragged(undefined);
        setLiked(last);
      },
      { once: true },
    );
  };
  const keys = (e: KeyboardEvent) => {
    const to = { ArrowLeft: width + 32, ArrowRight: width - 32, Home: most(), End: least }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    setLiked(fitting(to));
  };

  return (
    <aside
      ref={ref}
      data-drawer
      className={styles.side}
      style={{ width }}
      aria-labelledby={label}
      tabIndex={-1}
      onKeyDown={(e) => {
        // A menu or dialog that is open takes the key for itself.
        const from = e.target as Element;
        if (e.key !== "Escape" || e.defaultPrevented || !ref.current?.contains(from) || from.closest("dialog")) return;
        e.preventDefault(); // or the browser would close with it the question that closing may raise
        onClose();
      }}
    >
      <div
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the panel"
        aria-valuenow={width}
        aria-valuemin={least}
        aria-valuemax={most()}
        tabIndex={0}
        className={styles.handle}
        onPointerDown={drag}
        onKeyDown={keys}
        onDoubleClick={() => setLiked(fitting(window.innerWidth * 0.54))}
      />
      <div className={styles.inside}>
        <header className={styles.head}>
          <h2 id={label}>{title}</h2>
          <IconButton label="Close" onClick={onClose}>
            <X />
          </IconButton>
        </header>
        <div className={styles.body}>{children}</div>
      </div>
    </aside>
  );
}
