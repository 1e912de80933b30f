// A line of a log as the page shows it. What programs print for a terminal (colours, cursor movements, links) is taken
// out, and what would be invisible or turn the text around is made visible: a log must not be able to lie about itself.

// ESC [ … letter; ESC ] … end (titles, links of OSC 8); ESC P, X, ^, _ … end; ESC and one letter; and the same begun by
// the single C1 characters.
const escapes =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;

// Control characters but the tab, marks that turn the direction of text, and line ends inside of a line.
const unseen = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;
const special = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/;

/** The line as plain text. */
export function clean(line: string): string {
  if (!special.test(line)) return line; // nearly all
  return line.replace(escapes, "").replace(/\r+$/, "").replace(unseen, visible);
}

/** ␀ for the control characters that have a picture, ⟨U+202E⟩ for what has none. */
function visible(c: string): string {
  const code = c.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
}
