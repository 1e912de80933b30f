// Listens for the shortcuts, opens the command palette and the help on shortcuts, and is the field in the bar that says so.
import { Search } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useAct, useHere } from "./actions";
import styles from "./Keyboard.module.css";
import { visited } from "./recent";
import { isBusy, press, type Pending } from "./shortcuts";

const Palette = lazy(() => import("./Palette").then((m) => ({ default: m.Palette })));
const ShortcutHelp = lazy(() => import("./ShortcutHelp").then((m) => ({ default: m.ShortcutHelp })));

export const commandKey = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘ K" : "Ctrl K";

export function Keyboard() {
  const [open, setOpen] = useState<"palette" | "help">();
  const here = useHere();
  const act = useAct(() => setOpen("help"));
  const latest = useRef({ act, here });
  latest.current = { act, here };

  useEffect(() => {
    if (here) visited(here);
  }, [here?.namespace, here?.name]);

  useEffect(() => {
    let pending: Pending | undefined;
    const onKey = (e: KeyboardEvent) => {
      if (e.isComposing) return;
      if ((e.ctrlKey || e.metaKey) && !e.altKey && !e.shiftKey && e.key.toLowerCase() === "k") {
        // Another dialog keeps what was begun in it: the palette does not lie over it.
        if (document.querySelector("dialog[open]:not([data-palette])")) return;
        e.preventDefault();
        setOpen((o) => (o === "palette" ? undefined : "palette"));
        return;
      }
      if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented || e.repeat || isBusy(e)) return;
      const next = press(pending, e.key, e.timeStamp, latest.current.here !== undefined);
      pending = next.pending;
      if (next.run) {
        e.preventDefault();
        latest.current.act(next.run);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  return (
    <>
      <button type="button" className={styles.field} onClick={() => setOpen("palette")} aria-haspopup="dialog" title={`Search or jump to (${commandKey})`}>
        <Search aria-hidden />
        <span>Search or jump to…</span>
        <kbd>{commandKey}</kbd>
      </button>
      <Suspense fallback={null}>
        {open === "palette" && <Palette onClose={() => setOpen(undefined)} onHelp={() => setOpen("help")} />}
        {open === "help" && <ShortcutHelp onClose={() => setOpen(undefined)} />}
      </Suspense>
    </>
  );
}
