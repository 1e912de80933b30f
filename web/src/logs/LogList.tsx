// The list of lines. Only those on the screen are drawn, and where it stands is told by a line and not by a height:
// lines come and go above and below, and what is read must not move.
import { ArrowDown } from "lucide-react";
import { useCallback, useLayoutEffect, useReducer, useRef, useState, useSyncExternalStore, type KeyboardEvent } from "react";
import { Button } from "../ui/Button";
import type { Line } from "./buffer";
import { LogLine } from "./Line";
import styles from "./Logs.module.css";
import { colours } from "./pods";
import type { Sheet } from "./sheet";
import { clock } from "./text";

const rowHeight = 20;
const beyond = 10; // rows that are drawn above and below the screen

interface Props {
  sheet: Sheet;
  wrap: boolean;
  times: boolean;
  mark: RegExp | undefined;
  /** What tells a line's container from others, by the index of its origin. */
  prefixes: readonly string[];
  follow: boolean;
  onFollow: (follow: boolean) => void;
  onCopy: (line: Line) => void;
}

export function LogList({ sheet, wrap, times, mark, prefixes, follow, onFollow, onCopy }: Props) {
  useSyncExternalStore(sheet.subscribe, () => sheet.version);
  const [, drawAgain] = useReducer((n: number) => n + 1, 0);
  const scroller = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const size = useSize(scroller);
  /** The first line on the screen, and how much of it is above. */
  const anchor = useRef({ id: 0, above: 0 });
  const lastTop = useRef(0);
  const leftAt = useRef(0);
  const open = useRef(new Set<number>());
  const [current, setCurrent] = useState<number>();

  // How high rows are before they are drawn: with wrapping it is guessed by their length.
  const narrow = size.width < 560;
  const prefixWidth = Math.max(0, ...prefixes.map((p) => p.length));
  useLayoutEffect(() => {
    const character = (probe.current?.offsetWidth ?? 780) / 100;
    const taken = 46 + (times && !narrow ? 13.5 * character : 0) + (prefixWidth ? (prefixWidth + 1) * character : 0);
    const columns = Math.max(20, Math.floor((size.width - taken) / character));
    sheet.measureBy(wrap ? (line) => rowHeight * Math.max(1, Math.ceil(Math.min(line.text.length, 2050) / columns)) : () => rowHeight);
  }, [sheet, wrap, times, size.width, prefixWidth, narrow]);

  const { heights } = sheet;
  const bottom = Math.max(0, heights.total - size.height);
  const top = follow ? bottom : Math.min(bottom, heights.top(Math.min(sheet.rowOf(anchor.current.id), sheet.length)) + anchor.current.above);
  const from = Math.max(0, heights.at(top) - beyond);
  const to = Math.min(sheet.length, heights.at(top + size.height) + beyond + 1);

  useLayoutEffect(() => {
    const el = scroller.current!;
    // What was drawn is now measured; what was guessed wrongly moves the rest.
    let moved = false;
    if (wrap || open.current.size) {
      for (const row of el.querySelectorAll<HTMLElement>("[data-id]")) {
        const at = sheet.rowOf(Number(row.dataset.id));
        if (at < sheet.length && sheet.id(at) === Number(row.dataset.id) && heights.get(at) !== row.offsetHeight) {
          heights.set(at, row.offsetHeight);
          moved = true;
        }
      }
    }
    if (moved) return drawAgain();
    if (Math.abs(el.scrollTop - top) > 1) el.scrollTop = top;
    lastTop.current = el.scrollTop;
    if (follow && sheet.length) {
      // Whoever stops following stays where they are.
      const row = heights.at(top);
      anchor.current = { id: sheet.id(row), above: top - heights.top(row) };
      leftAt.current = sheet.buffer.next;
    }
  });

  const onScroll = () => {
    const el = scroller.current!;
    const below = el.scrollHeight - el.clientHeight - el.scrollTop;
    const up = el.scrollTop < lastTop.current - 1;
    const down = el.scrollTop > lastTop.current + 1;
    lastTop.current = el.scrollTop;
    const row = heights.at(el.scrollTop);
    if (sheet.length) anchor.current = { id: sheet.id(row), above: el.scrollTop - heights.top(row) };
    if (follow && up && below > rowHeight) onFollow(false);
    else if (!follow && down && below <= 2) onFollow(true);
    else if (!follow) drawAgain();
  };

  const onOpen = useCallback(
    (id: number) => {
      if (!open.current.delete(id)) open.current.add(id);
      else {
        const row = sheet.rowOf(id);
        if (row < sheet.length && sheet.id(row) === id) sheet.heights.set(row, rowHeight);
      }
      drawAgain();
    },
    [sheet],
  );
  const copy = useCallback(
    (id: number) => {
      const line = sheet.buffer.get(id);
      if (line) onCopy(line);
    },
    [sheet, onCopy],
  );

  /** Goes line by line, and says each to who listens. */
  const go = (by: number) => {
    if (!sheet.length) return;
    const row = current === undefined ? heights.at(lastTop.current + (by > 0 ? 0 : size.height)) : Math.max(0, Math.min(sheet.length - 1, sheet.rowOf(current) + by));
    setCurrent(sheet.id(row));
    const y = heights.top(row);
    const el = scroller.current!;
    if (y < el.scrollTop) el.scrollTop = y;
    else if (y + heights.get(row) > el.scrollTop + el.clientHeight) el.scrollTop = y + heights.get(row) - el.clientHeight;
    if (follow && by < 0) onFollow(false);
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "j") go(1);
    else if (e.key === "k") go(-1);
    else if (e.key === "Enter" && current !== undefined) onOpen(current);
    else if (e.key === "c" && current !== undefined) copy(current);
    else return;
    e.preventDefault();
  };

  const said = current === undefined ? undefined : sheet.buffer.get(current);
  const rows = [];
  for (let i = from; i < to; i++) {
    const line = sheet.line(i);
    if (!line) continue;
    rows.push(
      <LogLine
        key={line.id}
        line={line}
        origin={sheet.origins[line.origin]}
        prefix={prefixes[line.origin] ?? ""}
        colour={line.origin % colours}
        mark={mark}
        times={times}
        open={open.current.has(line.id)}
        current={line.id === current}
        onOpen={onOpen}
        onCopy={copy}
      />,
    );
  }
  const fresh = follow || !leftAt.current ? 0 : sheet.length - sheet.rowOf(leftAt.current);
  return (
    <div className={styles.listBox}>
      <div
        ref={scroller}
        className={`${styles.list} ${wrap ? styles.wrap : ""}`}
        role="log"
        aria-live="off"
        aria-label="Lines of the log. J and K go from line to line, Enter opens one, C copies it."
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        <div className={styles.space} style={{ height: heights.total }}>
          <div className={styles.rows} style={{ transform: `translateY(${heights.top(from)}px)` }}>
            {rows}
          </div>
        </div>
        <span ref={probe} className={styles.probe} aria-hidden>
          {"0".repeat(100)}
        </span>
      </div>
      <div className="unseen" aria-live="polite">
        {said && `${said.level ?? ""} ${clock(said.at)} ${prefixes[said.origin] ?? ""} ${said.text.slice(0, 500)}`}
      </div>
      {!follow && (
        <Button small className={styles.jump} icon={<ArrowDown aria-hidden />} onClick={() => onFollow(true)}>
          Jump to newest{fresh > 0 ? `, ${fresh.toLocaleString()} new` : ""}
        </Button>
      )}
    </div>
  );
}

/** The inside of an element, as it changes. */
function useSize(of: React.RefObject<HTMLElement | null>) {
  const [size, setSize] = useState({ width: 800, height: 400 });
  useLayoutEffect(() => {
    const el = of.current!;
    const look = () => setSize((s) => (s.width === el.clientWidth && s.height === el.clientHeight ? s : { width: el.clientWidth, height: el.clientHeight }));
    const watch = new ResizeObserver(look);
    watch.observe(el);
    look();
    return () => watch.disconnect();
  }, [of]);
  return size;
}
