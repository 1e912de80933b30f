// Which lines of YAML can be folded away below which.

/** For each line that has deeper ones below it: the line after the last of them. */
export function folds(lines: readonly string[]): Map<number, number> {
  const out = new Map<number, number>();
  const open: { at: number; indent: number; list: boolean }[] = [];
  const indentOf = (line: string) => line.length - line.trimStart().length;
  const close = (to: number, while_: (o: { indent: number; list: boolean }) => boolean) => {
    for (let o = open.at(-1); o && while_(o); o = open.at(-1)) {
      open.pop();
      if (to - o.at > 1) out.set(o.at, to);
    }
  };
  let end = 0;
  lines.forEach((line, i) => {
    if (line.trim() === "") return;
    const indent = indentOf(line);
    const list = line.trimStart().startsWith("- ");
    // The items of a list may stand as deep as the key that they belong to.
    close(end, (o) => o.indent > indent || (o.indent === indent && !(list && !o.list)));
    open.push({ at: i, indent, list });
    end = i + 1;
  });
  close(end, () => true);
  return out;
}
