// What the reader has chosen to see of a log. It stands in the screen's address, so that a view of a log is a link; how it
// is drawn (wrapped, with times) belongs to the reader and is kept by their browser.
import type { Filter } from "./filter";
import { levels, type Level } from "./level";

export interface Chosen {
  /** Empty: all. */
  pod: string;
  container: string;
  /** Seconds back; 0: from the beginning. */
  since: number;
  /** The last so many lines of each container; 0: all. */
  tail: number;
  /** The run before the present one. */
  previous: boolean;
  /** None: all. */
  levels: readonly Level[];
  /** What the server leaves out lines without. */
  search: string;
}

export const usual: Chosen = { pod: "", container: "", since: 0, tail: 1000, previous: false, levels: [], search: "" };

/** As in an address: "pod=web-1 tail=100 previous", without what is usual. */
export function writeChosen(c: Chosen): string | undefined {
  const out: string[] = [];
  if (c.pod) out.push("pod=" + c.pod);
  if (c.container) out.push("container=" + c.container);
  if (c.since !== usual.since) out.push("since=" + c.since);
  if (c.tail !== usual.tail) out.push("tail=" + c.tail);
  if (c.previous) out.push("previous");
  if (c.levels.length) out.push("level=" + c.levels.join(","));
  if (c.search) out.push("search=" + c.search); // the last: it may have blanks
  return out.join(" ") || undefined;
}

export function readChosen(text: string | undefined): Chosen {
  const c = { ...usual };
  const searched = /(?:^| )search=(.*)$/s.exec(text ?? "");
  if (searched) c.search = searched[1];
  for (const word of (searched ? text!.slice(0, searched.index) : (text ?? "")).split(" ")) {
    const [name, value = ""] = word.split("=");
    if (name === "pod" || name === "container") c[name] = value;
    if ((name === "since" || name === "tail") && /^\d{1,9}$/.test(value)) c[name] = Number(value);
    if (name === "previous") c.previous = true;
    if (name === "level") c.levels = levels.filter((l) => value.split(",").includes(l));
  }
  return c;
}

/** A filter in one text: words as they are, an expression between slashes with an r after them, and a c where the case matters. */
export function writeFilter({ text, regex, matchCase }: Filter): string | undefined {
  if (!text) return undefined;
  return regex || matchCase || text.startsWith("/") ? `/${text}/${regex ? "r" : ""}${matchCase ? "c" : ""}` : text;
}

export function readFilter(text: string | undefined): Filter {
  const m = /^\/(.*)\/(r?c?)$/s.exec(text ?? "");
  return m ? { text: m[1], regex: m[2].includes("r"), matchCase: m[2].includes("c") } : { text: text ?? "", regex: false, matchCase: false };
}

export interface Looks {
  wrap: boolean;
  times: boolean;
}

const key = "hawser.logs";

export function looks(): Looks {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "{}") as Partial<Looks>;
    return { wrap: kept.wrap === true, times: kept.times !== false };
  } catch {
    return { wrap: false, times: true };
  }
}

export function keepLooks(l: Looks): void {
  localStorage.setItem(key, JSON.stringify(l));
}
