// Two texts side by side: which line stands beside which, which words differ, and which regions are worth looking at.
import { diffArrays, diffWordsWithSpace } from "diff";
import { linesOf } from "../yaml/text";

/** A part of a line, counted in characters. */
export interface Mark {
  from: number;
  to: number;
}

/** One row. `left` and `right` are indices of lines; a row that has only one is a line that the other side lacks. */
export interface Row {
  left?: number;
  right?: number;
  /** The two lines say the same. */
  same: boolean;
}

export interface Sides {
  left: string[];
  right: string[];
  rows: Row[];
}

// Two texts that have nothing in common cost the square of their length: after so many steps they count as different.
const maxSteps = 2000;

/** Puts the lines of two texts side by side. */
export function sides(leftText: string, rightText: string): Sides {
  const left = linesOf(leftText);
  const right = linesOf(rightText);
  const rows: Row[] = [];
  let l = 0;
  let r = 0;
  const parts = diffArrays(left, right, { maxEditLength: maxSteps }) ?? [
    { removed: true, added: false, count: left.length, value: left },
    { removed: false, added: true, count: right.length, value: right },
  ];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const next = parts[i + 1];
    if (!part.added && !part.removed) {
      for (let k = 0; k < part.value.length; k++) rows.push({ left: l++, right: r++, same: true });
    } else if (next && (part.removed ? next.added : next.removed)) {
      const gone = part.removed ? part.value.length : next.value.length;
      const come = part.removed ? next.value.length : part.value.length;
      rows.push(...beside(left, l, gone, right, r, come));
      l += gone;
      r += come;
      i++;
    } else {
      for (let k = 0; k < part.value.length; k++) rows.push(part.removed ? { left: l++, same: false } : { right: r++, same: false });
    }
  }
  return { left, right, rows };
}

/** Lines that were replaced by others: those with the same key stand side by side, in the order that keeps most pairs. */
function beside(left: string[], l: number, gone: number, right: string[], r: number, come: number): Row[] {
  const rows: Row[] = [];
  const alone = (from: number, to: number, side: "left" | "right") => {
    for (let k = from; k < to; k++) rows.push({ [side]: k, same: false });
  };
  let atL = l;
  let atR = r;
  for (const [a, b] of pairs(left.slice(l, l + gone).map(keyOfLine), right.slice(r, r + come).map(keyOfLine))) {
    alone(atL, l + a, "left");
    alone(atR, r + b, "right");
    rows.push({ left: l + a, right: r + b, same: false });
    atL = l + a + 1;
    atR = r + b + 1;
  }
  alone(atL, l + gone, "left");
  alone(atR, r + come, "right");
  return rows;
}

/** What a line is about: its depth and its key, whether or not it begins an item of a list. Lines of a text are about themselves. */
function keyOfLine(line: string): string {
  const m = /^(\s*(?:- )*)([^\s:]+:)?(?=\s|$)/.exec(line);
  const depth = m ? m[1]!.length : line.length - line.trimStart().length;
  return depth + (m?.[2] ?? (/^\s*- /.test(line) ? "-" : "~"));
}

/** The longest common subsequence of two short lists, as pairs of indices. */
function pairs(a: string[], b: string[]): [number, number][] {
  const out: [number, number][] = [];
  if (a.length * b.length > 40_000) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] === b[i]) out.push([i, i]);
    return out;
  }
  const best: number[][] = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let k = b.length - 1; k >= 0; k--) best[i]![k] = a[i] === b[k] ? best[i + 1]![k + 1]! + 1 : Math.max(best[i + 1]![k]!, best[i]![k + 1]!);
  }
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    if (a[i] === b[k]) out.push([i++, k++]);
    else if (best[i + 1]![k]! >= best[i]![k + 1]!) i++;
    else k++;
  }
  return out;
}

// Longer lines are marked as a whole: words in them would take longer than anybody looks.
const longest = 2000;

/** Which words of two lines differ. */
export function words(left: string, right: string): { left: Mark[]; right: Mark[] } {
  if (left.length > longest || right.length > longest) return { left: [{ from: 0, to: left.length }], right: [{ from: 0, to: right.length }] };
  const out = { left: [] as Mark[], right: [] as Mark[] };
  let l = 0;
  let r = 0;
  for (const part of diffWordsWithSpace(left, right)) {
    const n = part.value.length;
    if (part.removed) add(out.left, l, (l += n));
    else if (part.added) add(out.right, r, (r += n));
    else {
      l += n;
      r += n;
    }
  }
  return out;
}

function add(list: Mark[], from: number, to: number) {
  const last = list.at(-1);
  if (last && last.to === from) last.to = to;
  else list.push({ from, to });
}

/** Rows that are shown, or equal rows that are folded away. from and to count rows; to is not part of it. */
export type Region = { kind: "shown" | "folded"; from: number; to: number };

/** Shows what differs with `context` equal rows around it, and folds the rest. Folds of one or two rows would save nothing. */
export function regions(rows: readonly Row[], context = 3): Region[] {
  const out: Region[] = [];
  const put = (kind: Region["kind"], from: number, to: number) => {
    if (from >= to) return;
    const last = out.at(-1);
    if (last && last.kind === kind) last.to = to;
    else out.push({ kind, from, to });
  };
  for (let i = 0; i < rows.length; ) {
    if (!rows[i]!.same) {
      put("shown", i, i + 1);
      i++;
      continue;
    }
    let end = i;
    while (end < rows.length && rows[end]!.same) end++;
    const head = i === 0 ? i : Math.min(end, i + context);
    const tail = end === rows.length ? end : Math.max(head, end - context);
    if (tail - head <= 2) put("shown", i, end);
    else {
      put("shown", i, head);
      put("folded", head, tail);
      put("shown", tail, end);
    }
    i = end;
  }
  return out;
}

/** The first rows of each run of rows that differ: what the keys n and p go to. */
export function starts(rows: readonly Row[]): number[] {
  const out: number[] = [];
  rows.forEach((row, i) => {
    if (!row.same && (i === 0 || rows[i - 1]!.same)) out.push(i);
  });
  return out;
}

/** The keys that a line stands below: "spec › template › spec". */
export function placeOf(lines: readonly string[], at: number): string {
  const out: string[] = [];
  let below = indentOf(lines[at] ?? "");
  for (let i = at - 1; i >= 0 && below > 0; i--) {
    const line = lines[i]!;
    if (line.trim() === "") continue;
    const indent = indentOf(line);
    const key = /^\s*(?:- )*([^\s#][^:]*):(?:\s|$)/.exec(line)?.[1];
    if (key !== undefined && indent < below) {
      out.unshift(key);
      below = Math.min(indent, line.length - line.trimStart().length);
    }
  }
  return out.join(" › ");
}

/** How deep a line's content stands; the dash of a list is part of the indentation. */
const indentOf = (line: string) => /^ *(?:- +)*/.exec(line)![0].length;

export interface Count {
  added: number;
  removed: number;
}

export function count(rows: readonly Row[]): Count {
  let added = 0;
  let removed = 0;
  for (const r of rows) {
    if (r.same) continue;
    if (r.left !== undefined) removed++;
    if (r.right !== undefined) added++;
  }
  return { added, removed };
}
