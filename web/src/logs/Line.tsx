import { ChevronDown, ChevronRight, Copy } from "lucide-react";
import { memo, useMemo } from "react";
import { exact } from "../time";
import type { Line as LineOf } from "./buffer";
import { parts } from "./filter";
import styles from "./Logs.module.css";
import type { Origin } from "./sheet";
import { clock, foldable, unfold } from "./text";

/** So much of a line is drawn before it is opened: some programs print megabytes without a break. */
const clip = 2000;

interface Props {
  line: LineOf;
  origin: Origin | undefined;
  /** What tells its container from others; empty when there is only one. */
  prefix: string;
  colour: number;
  mark: RegExp | undefined;
  times: boolean;
  open: boolean;
  current: boolean;
  onOpen: (id: number) => void;
  onCopy: (id: number) => void;
}

/** One line: how serious it is, when, whose, and what it says. */
export const LogLine = memo(function LogLine({ line, origin, prefix, colour, mark, times, open, current, onOpen, onCopy }: Props) {
  if (line.origin < 0) {
    return (
      <div className={styles.news} data-id={line.id}>
        {line.text}
      </div>
    );
  }
  const opens = open || line.text.length > clip || foldable(line.text);
  return (
    <div className={`${styles.line} ${current ? styles.current : ""} ${open ? styles.open : ""}`} data-id={line.id}>
      <div className={styles.row}>
        <button type="button" tabIndex={-1} className={styles.fold} onClick={() => onOpen(line.id)} aria-expanded={open} aria-label={open ? "Close this line" : "Open this line"} title={open ? "Close this line" : "Open this line"}>
          {line.level ? <span className={`${styles.level} ${styles[line.level]}`} title={line.level} /> : null}
          {opens && (open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />)}
        </button>
        {line.level && <span className="unseen">{line.level}: </span>}
        {times && (
          <time dateTime={line.at} title={`${exact(line.at)}\n${line.at}`} className={styles.time}>
            {clock(line.at)}
          </time>
        )}
        {prefix && (
          <span className={`${styles.prefix} ${styles[`pod${colour}`]}`} title={`pod ${origin?.pod}, container ${origin?.container}`}>
            {prefix}
          </span>
        )}
        <span className={styles.text}>
          <Marked text={line.text.length > clip ? line.text.slice(0, clip) : line.text} mark={mark} />
          {line.text.length > clip && <em className={styles.more}> … {(line.text.length - clip).toLocaleString()} more characters</em>}
        </span>
        <button type="button" tabIndex={-1} className={styles.copy} onClick={() => onCopy(line.id)} aria-label="Copy this line" title="Copy this line">
          <Copy aria-hidden />
        </button>
      </div>
      {open && <Opened line={line} origin={origin} mark={mark} />}
    </div>
  );
});

function Opened({ line, origin, mark }: { line: LineOf; origin: Origin | undefined; mark: RegExp | undefined }) {
  const json = useMemo(() => unfold(line.text), [line.text]);
  return (
    <div className={styles.opened}>
      <p>
        {exact(line.at)} · <code>{line.at}</code> · pod {origin?.pod} · container {origin?.container}
        {line.level && ` · ${line.level}`}
      </p>
      <pre>
        <Marked text={json ? json.prefix + (json.prefix ? "\n" : "") + json.pretty : line.text} mark={mark} />
      </pre>
    </div>
  );
}

function Marked({ text, mark }: { text: string; mark: RegExp | undefined }) {
  if (!mark) return text;
  return parts(text, mark).map((p, i) => (p.marked ? <mark key={i}>{p.text}</mark> : p.text));
}
