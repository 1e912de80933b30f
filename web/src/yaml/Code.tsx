import { useVirtualizer } from "@tanstack/react-virtual";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { folds } from "./folds";
import { hanging, Line } from "./Line";
import { linesOf } from "./text";
import { tokens, type Token } from "./tokens";
import styles from "./Code.module.css";

// Up to so many lines all are in the page, and the browser's own search finds them.
const mostInPage = 2000;
// A line that is longer is cut until the reader asks for the rest.
const longestLine = 1500;

/** YAML to read: in colour, with numbers of lines, and what is long can be folded. */
export function Code({ text, label }: { text: string; label: string }) {
  const lines = useMemo(() => linesOf(text), [text]);
  const list = useMemo(() => tokens(lines), [lines]);
  const parts = useMemo(() => folds(lines), [lines]);
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [long, setLong] = useState<ReadonlySet<number>>(new Set());
  const shown = useMemo(() => seen(lines.length, parts, folded), [lines, parts, folded]);
  const flip = (set: ReadonlySet<number>, i: number) => {
    const next = new Set(set);
    if (!next.delete(i)) next.add(i);
    return next;
  };
  const draw = (i: number) => (
    <Row
      key={i}
      at={i}
      list={list[i]!}
      length={lines[i]!.length}
      whole={long.has(i)}
      hidden={folded.has(i) ? parts.get(i)! - i - 1 : undefined}
      onFold={parts.has(i) ? () => setFolded((f) => flip(f, i)) : undefined}
      onLong={() => setLong((l) => flip(l, i))}
    />
  );
  if (lines.length > mostInPage) return <Virtual label={label} shown={shown} draw={draw} />;
  return (
    <div className={styles.code} role="region" aria-label={label}>
      {shown.map(draw)}
    </div>
  );
}

function seen(n: number, parts: ReadonlyMap<number, number>, folded: ReadonlySet<number>): number[] {
  const out: number[] = [];
  for (let i = 0; i < n; i = folded.has(i) ? parts.get(i)! : i + 1) out.push(i);
  return out;
}

function Virtual({ label, shown, draw }: { label: string; shown: number[]; draw: (i: number) => React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: shown.length, getScrollElement: () => box.current, estimateSize: () => 20, overscan: 30 });
  return (
    <>
      <p className={styles.note}>{shown.length} lines: the browser's search finds only those on the screen. Copy them to search elsewhere.</p>
      <div ref={box} className={`${styles.code} ${styles.virtual}`} role="region" aria-label={label} tabIndex={0}>
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {rows.getVirtualItems().map((item) => (
            <div key={item.key} ref={rows.measureElement} data-index={item.index} className={styles.placed} style={{ transform: `translateY(${item.start}px)` }}>
              {draw(shown[item.index]!)}
            </div>
          ))}
        </div>
      </div>
    </>
  );
}

interface RowProps {
  at: number;
  list: Token[];
  length: number;
  whole: boolean;
  /** How many lines are folded away below it. */
  hidden?: number;
  onFold?: () => void;
  onLong: () => void;
}

function Row({ at, list, length, whole, hidden, onFold, onLong }: RowProps) {
  const cut = length > longestLine && !whole;
  return (
    <div className={styles.row}>
      <span className={styles.number} data-n={at + 1} aria-hidden />
      {onFold ? (
        <button type="button" className={styles.toggle} aria-expanded={hidden === undefined} aria-label={`${hidden === undefined ? "Fold" : "Unfold"} line ${at + 1}`} onClick={onFold}>
          {hidden === undefined ? <ChevronDown /> : <ChevronRight />}
        </button>
      ) : (
        <span />
      )}
      <span className={styles.text} style={hanging(list)}>
        <Line list={cut ? shorten(list) : list} />
        {cut && (
          <button type="button" className={styles.more} onClick={onLong}>
            {length - longestLine} more characters
          </button>
        )}
        {hidden !== undefined && (
          <button type="button" className={styles.more} onClick={onFold}>
            {hidden} lines
          </button>
        )}
      </span>
    </div>
  );
}

function shorten(list: Token[]): Token[] {
  const out: Token[] = [];
  let left = longestLine;
  for (const t of list) {
    if (left <= 0) break;
    out.push(t.text.length > left ? { ...t, text: t.text.slice(0, left) } : t);
    left -= t.text.length;
  }
  return out;
}
