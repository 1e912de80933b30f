// What the reader has folded out and in, as the address has it: the ids, each with a ! before it when it is folded in, and
// ~3 after it when three pages of it are out.
import type { Opened } from "./fold";

/** A link may ask for no more than people do: each page of a fold draws sixty nodes. */
const mostPages = 50;
const mostFolds = 100;
/** Longer ones are left out of the address, which has to be sent and shown. */
const longest = 1500;

const escape = (id: string) => id.replace(/[%,~!]/g, encodeURIComponent).replaceAll("!", "%21").replaceAll("~", "%7E");

/** Undefined when nothing is folded otherwise than at first, or too much for an address. */
export function writeOpened(opened: Opened): string | undefined {
  const text = [...opened].map(([id, pages]) => (pages === 0 ? "!" : "") + escape(id) + (pages > 1 ? `~${pages}` : "")).join(",");
  return text === "" || text.length > longest ? undefined : text;
}

/** Reads what writeOpened wrote; what cannot be understood is left out. */
export function readOpened(text: string | undefined): Opened {
  const out = new Map<string, number>();
  for (const word of (text ?? "").split(",").slice(0, mostFolds)) {
    const [, closed, id, pages] = /^(!?)([^~!]+)(?:~(\d{1,4}))?$/.exec(word) ?? [];
    if (id === undefined) continue;
    try {
      out.set(decodeURIComponent(id), closed ? 0 : Math.min(mostPages, Number(pages ?? 1)));
    } catch {
      // a % that begins nothing
    }
  }
  return out;
}
