// The terminal itself. xterm is large, so this file is loaded only when a terminal is opened.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal as Xterm } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { Accessibility, ClipboardCopy, ClipboardPaste, Plug } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Query } from "../api";
import { Button, IconButton } from "../ui/Button";
import { copy } from "../ui/clipboard";
import { Waiting } from "../ui/Say";
import { sayFailure } from "../ui/Toast";
import { fewerColours, themeOf } from "./colours";
import { begin, type Session, type SessionState } from "./session";
import { withoutStyleElements } from "./styles";
import styles from "./Terminal.module.css";

/** A shell at the place that a query names. */
export function Screen({ query, where }: { query: Query; where: string }) {
  const host = useRef<HTMLDivElement>(null);
  const foot = useRef<HTMLDivElement>(null);
  const xterm = useRef<Xterm>(undefined);
  const session = useRef<Session>(undefined);
  const [state, setState] = useState<SessionState>({ is: "opening" });
  const [marked, setMarked] = useState(false);
  const [round, setRound] = useState(0);
  const [isAloud, setAloud] = useState(aloud);

  useEffect(() => {
    const term = newTerminal(host.current!);
    xterm.current = term;
    const fit = new FitAddon();
    term.loadAddon(fit);
    fit.fit();
    term.onData((text) => session.current?.type(text));
    term.onBinary((text) => session.current?.type(text));
    term.onResize(({ rows, cols }) => session.current?.resize(rows, cols));
    term.onSelectionChange(() => setMarked(term.hasSelection()));
    term.attachCustomKeyEventHandler((e) => onKey(e, term, () => foot.current?.focus()));

    const resized = new ResizeObserver(() => {
      if (host.current?.clientHeight) fit.fit();
    });
    resized.observe(host.current!);
    const recolour = () => {
      if (host.current) term.options.theme = themeOf(host.current);
    };
    const themes = new MutationObserver(recolour);
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", recolour);
    return () => {
      resized.disconnect();
      themes.disconnect();
      system.removeEventListener("change", recolour);
      term.dispose();
    };
  }, []);

  useEffect(() => {
    const term = xterm.current!;
    if (round > 0) term.write("\r\n\x1b[2m--- a new session ---\x1b[0m\r\n");
    const colours = fewerColours();
    const mine = begin(query, {
      output: (text) => {
        try {
          term.write(colours(text));
        } catch {
          // More came than xterm takes in; the newest is what counts.
          term.clear();
        }
      },
      state: (s) => {
        setState(s);
        term.options.disableStdin = s.is !== "open";
        if (s.is === "open") {
          mine.resize(term.rows, term.cols);
          term.focus();
        }
      },
      reconnect: () => setRound((n) => n + 1),
    });
    session.current = mine;
    return () => mine.close();
    // The caller gives every place a Screen of its own.
  }, [round]);

  const paste = () =>
    navigator.clipboard?.readText
      ? navigator.clipboard.readText().then(
          (text) => {
            xterm.current?.paste(text);
            xterm.current?.focus();
          },
          (e) => sayFailure("paste", e),
        )
      : sayFailure("paste", "this browser lets pages do that only with https. Ctrl+Shift+V works.");
  return (
    <div className={styles.screen}>
      <div className={styles.host} ref={host} />
      {state.is === "opening" && <Waiting>Opening a shell in {where}</Waiting>}
      {state.is === "ended" && (
        <div className={styles.ended} role="alert">
          <span>{state.why}</span>
          <Button small icon={<Plug aria-hidden />} onClick={() => setRound((n) => n + 1)}>
            Connect again
          </Button>
        </div>
      )}
      <div className={styles.foot} ref={foot} tabIndex={-1} role="group" aria-label="Below the terminal">
        <Button small icon={<ClipboardCopy aria-hidden />} disabled={!marked} onClick={() => copyFrom(xterm.current!)}>
          Copy
        </Button>
        <Button small icon={<ClipboardPaste aria-hidden />} disabled={state.is !== "open"} onClick={() => void paste()}>
          Paste
        </Button>
        <IconButton
          label="For screen readers: tell them what the terminal shows"
          aria-pressed={isAloud}
          onClick={() => {
            localStorage.setItem(aloudKey, String(!isAloud));
            setAloud(!isAloud);
            xterm.current!.options.screenReaderMode = !isAloud;
          }}
        >
          <Accessibility />
        </IconButton>
        <span className={styles.keys}>
          <kbd>Ctrl</kbd>+<kbd>F6</kbd> leaves the terminal · <kbd>Ctrl</kbd>+<kbd>Shift</kbd>+<kbd>C</kbd> and <kbd>V</kbd> copy and paste
        </span>
      </div>
    </div>
  );
}

// Not for everybody: with it, xterm does not understand what input methods and emoji pickers write.
const aloudKey = "hawser.terminal.screenReader";
const aloud = () => localStorage.getItem(aloudKey) === "true";

function newTerminal(host: HTMLElement): Xterm {
  const style = getComputedStyle(host);
  const term = new Xterm({
    fontFamily: style.fontFamily,
    fontSize: 13,
    theme: themeOf(host),
    scrollback: 10_000,
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    screenReaderMode: aloud(),
    macOptionIsMeta: true,
  });
  // Links that a program writes (OSC 8) show one text and lead to another place: only their text is shown.
  term.parser.registerOscHandler(8, () => true);
  withoutStyleElements(() => term.open(host));
  return term;
}

/** False keeps a key from the shell. */
function onKey(e: KeyboardEvent, term: Xterm, leave: () => void): boolean {
  if (e.type !== "keydown") return true;
  if (e.ctrlKey && (e.key === "F6" || (e.shiftKey && e.key === "Escape"))) {
    e.preventDefault();
    leave();
    return false;
  }
  if (e.ctrlKey && e.shiftKey && e.code === "KeyC") {
    e.preventDefault(); // the browser's own tools would open
    copyFrom(term);
    return false;
  }
  if (e.ctrlKey && e.shiftKey && e.code === "KeyV") return false; // the browser pastes
  return true;
}

function copyFrom(term: Xterm): void {
  if (!term.hasSelection()) return;
  copy(term.getSelection(), "what is marked");
}
