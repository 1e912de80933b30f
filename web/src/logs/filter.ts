// What the reader looks for in the lines: words, or a regular expression.

export interface Filter {
  text: string;
  regex: boolean;
  matchCase: boolean;
}

export interface Matcher {
  /** Undefined when every line is wanted. */
  matches: ((line: string) => boolean) | undefined;
  /** What is marked in a line that matches; global. */
  mark: RegExp | undefined;
  /** The longest word that all wanted lines have: what a server can be asked for. Undefined when there is none. */
  word: string | undefined;
  /** Why the expression cannot be used. */
  error?: string;
}

const everything: Matcher = { matches: undefined, mark: undefined, word: undefined };

/** Words must all be there; "in quotes" with blanks; -word must not be there. */
export function matcher({ text, regex, matchCase }: Filter): Matcher {
  const flags = matchCase ? "u" : "iu";
  if (text.trim() === "") return everything;
  if (regex) {
    try {
      const test = new RegExp(text, flags);
      return { matches: (line) => test.test(line), mark: new RegExp(text, flags + "g"), word: undefined };
    } catch (e) {
      return { ...everything, error: (e instanceof Error ? e.message : String(e)).replace(/^Invalid regular expression: (\/.*\/\w*: )?/, "") };
    }
  }
  const wanted: string[] = [];
  const unwanted: string[] = [];
  for (const [, not, quoted, bare] of text.matchAll(/(-?)(?:"([^"]*)"?|(\S+))/g)) {
    const word = quoted ?? bare;
    if (word) (not ? unwanted : wanted).push(word);
  }
  const has = (word: string) => {
    const test = new RegExp(escape(word), flags);
    return (line: string) => test.test(line);
  };
  const all = wanted.map(has);
  const none = unwanted.map(has);
  if (all.length + none.length === 0) return everything;
  return {
    matches: (line) => all.every((is) => is(line)) && !none.some((is) => is(line)),
    mark: wanted.length ? new RegExp(wanted.map(escape).join("|"), flags + "g") : undefined,
    word: wanted.reduce<string | undefined>((longest, w) => (longest !== undefined && longest.length >= w.length ? longest : w), undefined),
  };
}

const escape = (word: string) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

export interface Part {
  text: string;
  marked: boolean;
}

/** A line in parts, those that were looked for marked. */
export function parts(line: string, mark: RegExp | undefined): Part[] {
  if (!mark) return [{ text: line, marked: false }];
  const out: Part[] = [];
  let end = 0;
  mark.lastIndex = 0;
  for (let m = mark.exec(line); m && out.length < 400; m = mark.exec(line)) {
    if (m[0] === "") {
      mark.lastIndex++; // a* matches nothing, everywhere
      continue;
    }
    if (m.index > end) out.push({ text: line.slice(end, m.index), marked: false });
    out.push({ text: m[0], marked: true });
    end = m.index + m[0].length;
  }
  if (end < line.length) out.push({ text: line.slice(end), marked: false });
  return out;
}
