/** One part of a comparison of two texts, as the package diff has it. */
export interface Part {
  value: string;
  added?: boolean;
  removed?: boolean;
}

export type Row = { kind: "same" | "added" | "removed"; text: string } | { kind: "folded"; count: number };

/** The lines of a comparison. Of what is the same, only the lines around a change are shown. */
export function folded(parts: readonly Part[], around = 3): Row[] {
  const rows: Row[] = [];
  parts.forEach((p, i) => {
    const lines = p.value.replace(/\n$/, "").split("\n");
    const kind = p.added ? "added" : p.removed ? "removed" : "same";
    const [head, tail] = [i === 0 ? 0 : around, i === parts.length - 1 ? 0 : around];
    const show = (list: string[]) => rows.push(...list.map((text) => ({ kind, text }) as Row));
    if (kind !== "same" || lines.length <= head + tail + 1) return show(lines);
    show(lines.slice(0, head));
    rows.push({ kind: "folded", count: lines.length - head - tail });
    show(tail > 0 ? lines.slice(-tail) : []);
  });
  return rows;
}
