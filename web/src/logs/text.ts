// Lines as text: for the eye, for the clipboard and for a file.
import type { Line } from "./buffer";
import type { Origin } from "./sheet";

const two = (n: number) => String(n).padStart(2, "0");

/** A time of the reader's own zone: the hour with milliseconds, and the day before it unless it is today. */
export function clock(at: string, now = new Date()): string {
  if (!at) return "";
  const d = new Date(at.slice(0, 19) + "." + at.slice(20, 23).replace("Z", "").padEnd(3, "0") + "Z");
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
  const today = d.getDate() === now.getDate() && d.getMonth() === now.getMonth() && d.getFullYear() === now.getFullYear();
  return today ? time : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${time}`;
}

/** Lines as they stand in a file: exact time, pod and container, and the text. */
export function plain(lines: Line[], origins: Origin[], withOrigin: boolean): string {
  return lines
    .map((l) => {
      const o = origins[l.origin];
      if (!o) return `# ${l.text}\n`;
      return `${l.at} ${withOrigin ? `${o.pod}/${o.container} ` : ""}${l.text}\n`;
    })
    .join("");
}

/** The JSON of a line, set out over several lines; undefined when there is none. What stands before it is the prefix. */
export function unfold(text: string): { prefix: string; pretty: string } | undefined {
  if (!foldable(text)) return undefined;
  const starts = [text.indexOf("{"), text.indexOf("[")].filter((i) => i >= 0).sort((a, b) => a - b);
  for (const at of starts) {
    try {
      JSON.parse(text.slice(at));
      return { prefix: text.slice(0, at), pretty: indent(text.slice(at)) };
    } catch {
      // a bracket of another kind
    }
  }
  return undefined;
}

/** JSON with a line for each member. Only blanks change: to read and write it anew would round large numbers. */
function indent(json: string): string {
  let out = "";
  let depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{[](?:\s*[}\]])?|[}\],:]|[^\s"{}[\],:]+/g)) {
    if (token === "{" || token === "[") {
      depth++;
      out += token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      out += line() + token;
    } else if (token === ",") out += token + line();
    else if (token === ":") out += ": ";
    else out += token.length > 1 && /^[{[]/.test(token) ? token[0] + token[token.length - 1] : token;
  }
  return out;
}

/** Whether a line looks as if it ended with JSON; cheap, for every line on screen. */
export function foldable(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return (last === 0x7d && text.includes('{"')) || (last === 0x5d && text.charCodeAt(0) === 0x5b && text.length > 2 && /^\[["{[\d]/.test(text));
}
