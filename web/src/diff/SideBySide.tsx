import { Columns2, Rows2, UnfoldVertical, FoldVertical } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useNear } from "../near";
import { Button } from "../ui/Button";
import { hanging, Line } from "../yaml/Line";
import { marked, tokens, type Token } from "../yaml/tokens";
import { usePreference } from "../preference";
import { count, placeOf, regions, sides, starts, words, type Mark, type Region, type Row, type Sides } from "./rows";
import styles from "./SideBySide.module.css";

interface Props {
  /** What is there, and what would be: two texts, YAML as a rule. */
  left: string;
  right: string;
  leftTitle: ReactNode;
  rightTitle: ReactNode;
  /** What the whole is called, for screen readers. */
  label: string;
  /** What a side that has no text says. */
  leftEmpty?: ReactNode;
  rightEmpty?: ReactNode;
  /** How many equal lines are kept around those that differ. */
  context?: number;
}

// Two columns need so much room to be read, in pixels.
const roomForTwo = 700;
// Of longer texts only those rows are in the page that have been looked at.
const mostInPage = 2000;

/** Two texts side by side, or one above the other where there is no room: what differs, word by word, and the rest folded. */
export function SideBySide({ left, right, leftTitle, rightTitle, label, leftEmpty, rightEmpty, context = 3 }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const [liked, setLiked] = usePreference<"" | "two" | "one">("diff", "", (kept) => (kept === "two" || kept === "one" ? kept : undefined));
  const [all, setAll] = useState(false);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const shown = useMemo(() => drawing(left, right), [left, right]);
  const list = useMemo(() => regions(shown.rows, context), [shown, context]);
  const first = useMemo(() => new Set(starts(shown.rows)), [shown]);
  const { added, removed } = useMemo(() => count(shown.rows), [shown]);
  const two = liked ? liked === "two" && width >= 480 : width >= roomForTwo;
  const folds = list.some((r) => r.kind === "folded");

  return (
    <div ref={box} className={`${styles.diff} ${two ? styles.two : styles.one}`}>
      <div className={styles.bar}>
        <span className={styles.count}>
          <span className={styles.minus}>
            <span aria-hidden>−</span>
            {removed}
            <span className="unseen"> lines only on the left</span>
          </span>
          <span className={styles.plus}>
            <span aria-hidden>+</span>
            {added}
            <span className="unseen"> lines only on the right</span>
          </span>
        </span>
        {folds && (
          <Button small look="quiet" icon={all ? <FoldVertical /> : <UnfoldVertical />} aria-pressed={all} onClick={() => setAll(!all)}>
            {all ? "Only what differs" : "Show all"}
          </Button>
        )}
        {width >= 480 && (
          <Button small look="quiet" icon={two ? <Rows2 /> : <Columns2 />} onClick={() => setLiked(two ? "one" : "two")}>
            {two ? "Unified" : "Side by side"}
          </Button>
        )}
      </div>
      <div role="table" aria-label={label} className={styles.table} onMouseDown={choose}>
        <div role="rowgroup" className={styles.head}>
          <div role="row" className={styles.row}>
            <div role="columnheader" className={`${styles.title} ${styles.titleLeft}`}>
              {leftTitle}
            </div>
            <div role="columnheader" className={`${styles.title} ${styles.titleRight}`}>
              {rightTitle}
            </div>
          </div>
        </div>
        {list.map((r) =>
          r.kind === "folded" && !all && !opened.has(r.from) ? (
            <Fold key={r.from} region={r} of={shown} onOpen={() => setOpened(new Set(opened).add(r.from))} />
          ) : (
            chunks(r).map(([from, to]) => <Rows key={from} of={shown} from={from} to={to} two={two} first={first} leftEmpty={left === "" ? leftEmpty : undefined} rightEmpty={right === "" ? rightEmpty : undefined} />)
          ),
        )}
      </div>
    </div>
  );
}

interface Drawing extends Sides {
  leftTokens: Token[][];
  rightTokens: Token[][];
}

function drawing(left: string, right: string): Drawing {
  const s = sides(left, right);
  return { ...s, leftTokens: tokens(s.left), rightTokens: tokens(s.right) };
}

/** Long regions in parts, so that the browser lays out only those that are looked at. */
function chunks({ from, to }: Region): [number, number][] {
  const out: [number, number][] = [];
  for (let at = from; at < to; at += 100) out.push([at, Math.min(to, at + 100)]);
  return out;
}

function Fold({ region, of, onOpen }: { region: Region; of: Drawing; onOpen: () => void }) {
  const next = of.rows[region.to];
  const place = next ? (next.right !== undefined ? placeOf(of.right, next.right) : placeOf(of.left, next.left!)) : "";
  const n = region.to - region.from;
  return (
    <div role="rowgroup">
      <div role="row">
        <div role="cell" aria-colspan={2}>
          <button type="button" className={styles.fold} onClick={onOpen}>
            <UnfoldVertical aria-hidden />
            {n} equal lines
            {place && <span className={styles.place}>{place}</span>}
          </button>
        </div>
      </div>
    </div>
  );
}

interface RowsProps {
  of: Drawing;
  from: number;
  to: number;
  two: boolean;
  first: ReadonlySet<number>;
  leftEmpty?: ReactNode;
  rightEmpty?: ReactNode;
}

function Rows({ of, from, to, two, first, leftEmpty, rightEmpty }: RowsProps) {
  const ref = useRef<HTMLDivElement>(null);
  // Where a difference begins there must be something to go to.
  const near = useNear(ref, of.rows.length <= mostInPage || of.rows.slice(from, to).some((_, i) => first.has(from + i)));
  if (!near) return <div ref={ref} style={{ height: (to - from) * 20 }} />;
  const rows = of.rows.slice(from, to);
  return (
    <div role="rowgroup" className={rows.length >= 100 ? styles.chunk : undefined}>
      {two
        ? rows.map((row, i) => (
            <Two key={from + i} of={of} row={row} first={first.has(from + i)} leftEmpty={from + i === 0 ? leftEmpty : undefined} rightEmpty={from + i === 0 ? rightEmpty : undefined} />
          ))
        : unified(rows).map(([row, side, i]) => <One key={`${from + i}${side}`} of={of} row={row} side={side} first={first.has(from + i) && (side !== "right" || row.left === undefined)} />)}
    </div>
  );
}

/** Rows below each other: what goes stands before what comes. */
function unified(rows: readonly Row[]): [Row, "both" | "left" | "right", number][] {
  const out: [Row, "both" | "left" | "right", number][] = [];
  let come: [Row, "right", number][] = [];
  rows.forEach((row, i) => {
    if (row.same) {
      out.push(...come, [row, "both", i]);
      come = [];
      return;
    }
    if (row.left !== undefined) out.push([row, "left", i]);
    if (row.right !== undefined) come.push([row, "right", i]);
  });
  return [...out, ...come];
}

function Two({ of, row, first, leftEmpty, rightEmpty }: { of: Drawing; row: Row; first: boolean; leftEmpty?: ReactNode; rightEmpty?: ReactNode }) {
  const { left, right } = useMarks(of, row);
  return (
    <div role="row" className={styles.row} data-difference={first || undefined} tabIndex={first ? -1 : undefined}>
      <Cell side="left" at={row.left} same={row.same} list={row.left === undefined ? undefined : marked(of.leftTokens[row.left]!, left)} empty={leftEmpty} />
      <Cell side="right" at={row.right} same={row.same} list={row.right === undefined ? undefined : marked(of.rightTokens[row.right]!, right)} empty={rightEmpty} />
    </div>
  );
}

function One({ of, row, side, first }: { of: Drawing; row: Row; side: "both" | "left" | "right"; first: boolean }) {
  const marks = useMarks(of, row);
  const list = side === "left" ? marked(of.leftTokens[row.left!]!, marks.left) : marked(of.rightTokens[row.right!]!, marks.right);
  return (
    <div role="row" className={styles.row} data-difference={first || undefined} tabIndex={first ? -1 : undefined}>
      <Cell side={side === "left" ? "left" : "right"} at={side === "left" ? row.left : row.right} same={row.same} list={list} whole />
    </div>
  );
}

function Cell({ side, at, same, list, empty, whole }: { side: "left" | "right"; at: number | undefined; same: boolean; list: Token[] | undefined; empty?: ReactNode; whole?: boolean }) {
  const look = same ? "" : list ? (side === "left" ? styles.gone : styles.come) : styles.none;
  return (
    <div role="cell" aria-colspan={whole ? 2 : undefined} data-side={side} className={`${styles.cell} ${look}`}>
      <span className={styles.number} data-n={at === undefined ? "" : at + 1} aria-hidden />
      <span className={styles.sign} data-s={same || !list ? "" : side === "left" ? "−" : "+"} aria-hidden />
      <span className={styles.code} style={list && hanging(list)}>
        {!same && list && <span className="unseen">{side === "left" ? "Only left: " : "Only right: "}</span>}
        {list ? <Line list={list} /> : empty && <em className={styles.empty}>{empty}</em>}
      </span>
    </div>
  );
}

const unmarked: { left: Mark[]; right: Mark[] } = { left: [], right: [] };

function useMarks(of: Drawing, row: Row) {
  return useMemo(() => (row.same || row.left === undefined || row.right === undefined ? unmarked : words(of.left[row.left]!, of.right[row.right]!)), [of, row]);
}

/** Text is selected on the side where the selection begins, so that what is copied is one text and not two mixed. */
function choose(e: React.MouseEvent<HTMLElement>) {
  const side = (e.target as HTMLElement).closest<HTMLElement>("[data-side]")?.dataset.side;
  if (side) e.currentTarget.dataset.choose = side;
}

function useWidth(ref: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(() => Math.min(window.innerWidth, 1200));
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)));
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, []);
  return width;
}
