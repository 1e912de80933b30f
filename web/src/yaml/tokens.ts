// Which part of a line of YAML is what, for colour. It reads the YAML that text.ts writes, and loses no character of any
// other: what it does not understand is plain.

export type TokenKind = "key" | "text" | "number" | "word" | "sign" | "comment" | "space";
export interface Token {
  kind: TokenKind;
  text: string;
}

/** The tokens of each line. The texts of a line's tokens, one after the other, are the line. */
export function tokens(lines: readonly string[]): Token[][] {
  const out: Token[][] = [];
  // Lines that are indented deeper than this belong to a block of text; -1 outside of one.
  let block = -1;
  for (const line of lines) {
    const indent = line.length - line.trimStart().length;
    if (block >= 0 && (line.trim() === "" || indent > block)) {
      out.push(line === "" ? [] : [...space(line.slice(0, indent)), { kind: "text", text: line.slice(indent) }].filter((t) => t.text !== "") as Token[]);
      continue;
    }
    block = -1;
    const { list, opens } = one(line);
    if (opens >= 0) block = opens;
    out.push(list);
  }
  return out;
}

const space = (text: string): Token[] => (text ? [{ kind: "space", text }] : []);

function one(line: string): { list: Token[]; opens: number } {
  const list: Token[] = [];
  const put = (kind: TokenKind, text: string) => {
    if (text) list.push({ kind, text });
  };
  let rest = line;
  let parent = 0; // the indentation of what a block of text would belong to
  const eat = (re: RegExp): string | undefined => {
    const m = re.exec(rest);
    if (!m) return undefined;
    rest = rest.slice(m[0].length);
    return m[0];
  };
  const lead = eat(/^ +/) ?? "";
  put("space", lead);
  parent = lead.length;
  if (rest.startsWith("#")) {
    put("comment", rest);
    return { list, opens: -1 };
  }
  for (let dash = eat(/^- +|^-$/); dash !== undefined; dash = eat(/^- +|^-$/)) {
    put("sign", dash);
    if (/^(?:[^\s"'#&*!|>%@`{}[\],]|["'])/.test(rest) && keyOf(rest) !== undefined) parent += dash.length;
  }
  const key = keyOf(rest);
  if (key !== undefined) {
    put("key", key);
    rest = rest.slice(key.length);
    put("sign", ":");
    rest = rest.slice(1);
  }
  put("space", eat(/^ +/) ?? "");
  if (/^[|>][-+0-9]*\s*(#.*)?$/.test(rest)) {
    put("sign", rest);
    return { list, opens: parent };
  }
  put(valueKind(rest), rest);
  return { list, opens: -1 };
}

/** The key that a line begins with, quoted ones with their quotes; undefined when it has none. */
function keyOf(text: string): string | undefined {
  const quoted = /^"(?:[^"\\]|\\.)*"(?=:(?:\s|$))|^'(?:[^']|'')*'(?=:(?:\s|$))/.exec(text);
  if (quoted) return quoted[0];
  if (/^["'[{#&*!|>%@`]/.test(text)) return undefined;
  const at = text.search(/:(?:\s|$)/);
  const comment = text.search(/\s#/);
  return at > 0 && (comment < 0 || at < comment) ? text.slice(0, at) : undefined;
}

function valueKind(text: string): TokenKind {
  if (/^(?:true|false|null|~)$/.test(text)) return "word";
  if (/^[-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|0x[0-9a-f]+|0o[0-7]+|\.inf|\.nan)$/i.test(text)) return "number";
  if (/^(?:\{\}|\[\])$/.test(text)) return "sign";
  return "text";
}

/** Marks the parts of a text, from and to counted in characters, in the tokens of its line. */
export function marked(list: readonly Token[], marks: readonly { from: number; to: number }[]): (Token & { marked?: true })[] {
  if (marks.length === 0) return [...list];
  const out: (Token & { marked?: true })[] = [];
  let at = 0;
  let next = 0;
  for (const t of list) {
    const end = at + t.text.length;
    while (at < end) {
      while (next < marks.length && marks[next]!.to <= at) next++;
      const m = marks[next];
      const inside = m !== undefined && m.from <= at;
      const stop = Math.min(end, m === undefined ? end : inside ? m.to : m.from);
      const text = t.text.slice(t.text.length - (end - at), t.text.length - (end - stop));
      out.push(inside ? { kind: t.kind, text, marked: true } : { kind: t.kind, text });
      at = stop;
    }
  }
  return out;
}
