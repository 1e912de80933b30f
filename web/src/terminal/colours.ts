// The colours of a terminal: the page's own, and those that programs ask for.
import type { ITheme } from "@xterm/xterm";

/** The theme from the page's present colours, as an element has them. */
export function themeOf(element: Element): ITheme {
  const style = getComputedStyle(element);
  // A property's own value still has light-dark() in it; only a real colour is told as it is.
  const probe = element.appendChild(document.createElement("i"));
  probe.hidden = true;
  const colour = (value: string) => {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const dark = style.colorScheme === "dark" || (style.colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const theme: ITheme = {
    background: colour("var(--surface)"),
    foreground: colour("var(--text)"),
    cursor: colour("var(--accent)"),
    cursorAccent: colour("var(--surface)"),
    selectionBackground: colour("light-dark(#b9e3e0, #17595a)"),
    selectionInactiveBackground: colour("var(--selected)"),
    scrollbarSliderBackground: colour("light-dark(rgb(20 30 40 / 0.25), rgb(255 255 255 / 0.25))"),
    scrollbarSliderHoverBackground: colour("light-dark(rgb(20 30 40 / 0.4), rgb(255 255 255 / 0.4))"),
    scrollbarSliderActiveBackground: colour("light-dark(rgb(20 30 40 / 0.5), rgb(255 255 255 / 0.5))"),
    ...(dark ? onDark : onLight),
  };
  probe.remove();
  return theme;
}

// All are readable on the page's surface (4.5:1), also yellow and white on light.
const onLight: ITheme = {
  black: "#17202a", red: "#b3261e", green: "#12704a", yellow: "#7a5200", blue: "#1c5fb8", magenta: "#8f2f74", cyan: "#0b6e6e", white: "#55616d",
  brightBlack: "#4a5763", brightRed: "#c4321f", brightGreen: "#0f7a45", brightYellow: "#8a5300", brightBlue: "#2466c9", brightMagenta: "#a2397f", brightCyan: "#067474", brightWhite: "#2b353e",
};
const onDark: ITheme = {
  black: "#7d8a95", red: "#ff8f85", green: "#4ecb92", yellow: "#f2b34c", blue: "#7ab2ff", magenta: "#f09ad5", cyan: "#4fc4bd", white: "#d5dce2",
  brightBlack: "#95a2ad", brightRed: "#ffa89f", brightGreen: "#72e0ad", brightYellow: "#ffc86b", brightBlue: "#9cc5ff", brightMagenta: "#f7b5e1", brightCyan: "#7adbd4", brightWhite: "#ffffff",
};

const sgr = /\x1b\[[\d;:]*m/g;
const direct = /\b([345]8)(?:;2;(\d{0,3});(\d{0,3});(\d{0,3})|:2:(?:\d*:)?(\d{0,3}):(\d{0,3}):(\d{0,3}))(?=[;m])/g;
const unfinished = /\x1b(?:\[[\d;:]{0,80})?$/;

/**
 * Replaces colours of 24 bits by the nearest of the terminal's 256. xterm draws the former with style attributes, which the
 * page's policy forbids, and the latter with classes. Output comes in pieces: a sequence that is cut is held back.
 */
export function fewerColours(): (piece: string) => string {
  let held = "";
  return (piece) => {
    let text = held + piece;
    held = "";
    const cut = unfinished.exec(text);
    if (cut) {
      held = cut[0];
      text = text.slice(0, cut.index);
    }
    return text.replace(sgr, (sequence) =>
      sequence.replace(direct, (_, what: string, r?: string, g?: string, b?: string, r2?: string, g2?: string, b2?: string) => `${what};5;${nearest(Number(r ?? r2), Number(g ?? g2), Number(b ?? b2))}`),
    );
  };
}

const cube = [0, 95, 135, 175, 215, 255];

/** The number of the nearest colour among the cube of 216 and the 24 greys. */
export function nearest(r: number, g: number, b: number): number {
  const of = (v: number) => cube.reduce((best, c, i) => (Math.abs(c - v) < Math.abs(cube[best] - v) ? i : best), 0);
  const [ri, gi, bi] = [of(r), of(g), of(b)];
  const grey = Math.max(0, Math.min(23, Math.round(((r + g + b) / 3 - 8) / 10)));
  const level = 8 + 10 * grey;
  const distance = (x: number, y: number, z: number) => (x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2;
  return distance(level, level, level) < distance(cube[ri], cube[gi], cube[bi]) ? 232 + grey : 16 + 36 * ri + 6 * gi + bi;
}
