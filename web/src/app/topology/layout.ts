// Where nodes stand: a tree from left to right, one column for each step of ownership.
//
// An owner stands level with the first of what it owns, so that a tree of any height begins in the upper left corner,
// and what comes later never moves what stands above it. Branches slide up as far as they go without touching: what owns
// nothing fits under a deployment whose pods reach further down.

export interface Branch<T> {
  id: string;
  width: number;
  height: number;
  value: T;
  children: Branch<T>[];
}

export interface Place<T> {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  value: T;
  /** Its column, from 0. */
  depth: number;
  /** The ids of what it hangs on, and what hangs on it, from top to bottom. */
  from: string[];
  to: string[];
}

export interface Layout<T> {
  places: Place<T>[];
  byId: Map<string, Place<T>>;
  width: number;
  height: number;
}

/** Between two nodes of one owner, between branches, and between columns. */
export const gap = { sibling: 10, cousin: 20, column: 56 };

export function layOutTree<T>(roots: Branch<T>[]): Layout<T> {
  const widths: number[] = [];
  const measure = (b: Branch<T>, depth: number) => {
    widths[depth] = Math.max(widths[depth] ?? 0, b.width);
    for (const c of b.children) measure(c, depth + 1);
  };
  for (const r of roots) measure(r, 0);
  const left = widths.reduce<number[]>((xs, w, i) => [...xs, xs[i] + w + gap.column], [0]);

  const places: Place<T>[] = [];
  /** How far down each column is taken; a branch is put below that in all columns that it reaches. */
  interface Outline {
    top: number[];
    bottom: number[];
    at: Place<T>[];
  }
  const stack = (list: Branch<T>[], depth: number, from: string[]): Outline => {
    const all: Outline = { top: [], bottom: [], at: [] };
    for (const b of list) {
      const one = draw(b, depth, from);
      let down = 0;
      one.top.forEach((top, d) => {
        if (all.bottom[d] !== undefined) down = Math.max(down, all.bottom[d] + (d === 0 ? gap.sibling : gap.cousin) - top);
      });
      if (down > 0) for (const p of one.at) p.y += down;
      one.top.forEach((top, d) => {
        all.top[d] ??= top + down;
        all.bottom[d] = one.bottom[d] + down;
      });
      all.at.push(...one.at);
    }
    return all;
  };
  const draw = (b: Branch<T>, depth: number, from: string[]): Outline => {
    const place: Place<T> = { id: b.id, x: left[depth], y: 0, width: b.width, height: b.height, value: b.value, depth, from, to: b.children.map((c) => c.id) };
    places.push(place);
    const below = stack(b.children, depth + 1, [b.id]);
    return { top: [0, ...below.top], bottom: [b.height, ...below.bottom], at: [place, ...below.at] };
  };
  stack(roots, 0, []);
  return finish(places);
}

export function finish<T>(places: Place<T>[]): Layout<T> {
  let width = 0;
  let height = 0;
  for (const p of places) {
    width = Math.max(width, p.x + p.width);
    height = Math.max(height, p.y + p.height);
  }
  return { places, byId: new Map(places.map((p) => [p.id, p])), width, height };
}

/** Where a line leaves or meets a node: level with its first words, so that the lines of owner and first owned are one. */
const level = (p: Place<unknown>) => p.y + Math.min(p.height / 2, 24);

/** The lines of a tree as one path for SVG: out to the right, along a trunk, and into each node with a round corner. */
export function trunks(layout: Layout<unknown>, only?: ReadonlySet<string>): string {
  const out: string[] = [];
  for (const p of layout.places) {
    if (only && !only.has(p.id)) continue;
    for (const f of p.from) {
      const from = layout.byId.get(f);
      if (!from) continue;
      const [x1, y1, x2, y2] = [from.x + from.width, level(from), p.x, level(p)];
      const trunk = x2 - gap.column / 2;
      const r = Math.min(8, Math.abs(y2 - y1) / 2);
      const way = Math.sign(y2 - y1);
      out.push(r < 0.5 ? `M${x1} ${y1}H${x2}` : `M${x1} ${y1}H${trunk - r}Q${trunk} ${y1} ${trunk} ${y1 + way * r}V${y2 - way * r}Q${trunk} ${y2} ${trunk + r} ${y2}H${x2}`);
    }
  }
  return out.join("");
}

/** Lines of a graph: curves, for they may cross. */
export function curves(layout: Layout<unknown>, only?: ReadonlySet<string>): string {
  const out: string[] = [];
  for (const p of layout.places) {
    for (const f of p.from) {
      const from = layout.byId.get(f);
      if (!from || (only && !(only.has(p.id) && only.has(f)))) continue;
      const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, p.x, p.y + p.height / 2];
      const half = (x2 - x1) / 2;
      out.push(`M${x1} ${y1}C${x1 + half} ${y1} ${x2 - half} ${y2} ${x2} ${y2}`);
    }
  }
  return out.join("");
}

export type Way = "left" | "right" | "up" | "down" | "first";

/** The node that an arrow key leads to: along the lines to left and right, within the column up and down. */
export function step(layout: Layout<unknown>, id: string | undefined, way: Way): string | undefined {
  const at = id === undefined ? undefined : layout.byId.get(id);
  if (!at || way === "first") return layout.places[0]?.id;
  if (way === "left") return at.from.find((f) => layout.byId.has(f));
  if (way === "right") return at.to.find((t) => layout.byId.has(t));
  let best: Place<unknown> | undefined;
  for (const p of layout.places) {
    if (p.depth !== at.depth || (way === "down" ? p.y <= at.y : p.y >= at.y)) continue;
    if (!best || Math.abs(p.y - at.y) < Math.abs(best.y - at.y)) best = p;
  }
  return best?.id;
}

/** The way from the root to a node, itself included. */
export function pathTo(layout: Layout<unknown>, id: string | undefined): Set<string> {
  const out = new Set<string>();
  const more = id === undefined ? [] : [id];
  for (let at = more.pop(); at !== undefined; at = more.pop()) {
    if (out.has(at)) continue;
    out.add(at);
    more.push(...(layout.byId.get(at)?.from ?? []));
  }
  return out;
}

export interface View {
  x: number;
  y: number;
  zoom: number;
}

export interface Size {
  width: number;
  height: number;
}

/** The first look: all of it in the middle when that can be read, and otherwise its beginning, or the node that was asked for. */
export function firstView(layout: Layout<unknown>, window: Size, on?: string): View {
  const margin = 28;
  const whole = fit(layout, window, 1);
  const node = on === undefined ? undefined : layout.byId.get(on);
  if (whole.zoom >= 0.72) return whole;
  const zoom = Math.min(1, Math.max(0.8, (window.width - 2 * margin) / layout.width));
  if (!node) return { x: margin, y: margin, zoom };
  const x = Math.min(margin, window.width / 2 - (node.x + node.width / 2) * zoom);
  const y = Math.min(margin, window.height / 2 - (node.y + node.height / 2) * zoom);
  return { x, y, zoom };
}

/** All of it, in the middle. */
export function fit(layout: Layout<unknown>, window: Size, most = 1): View {
  const margin = 28;
  const zoom = Math.max(0.05, Math.min(most, (window.width - 2 * margin) / Math.max(1, layout.width), (window.height - 2 * margin) / Math.max(1, layout.height)));
  return { x: (window.width - layout.width * zoom) / 2, y: (window.height - layout.height * zoom) / 2, zoom };
}

/** The same look, moved no more than it takes to have a node in the window. */
export function reveal(place: Place<unknown>, view: View, window: Size, margin = 40): View {
  const shift = (start: number, end: number, room: number) => (start < margin ? margin - start : end > room - margin ? Math.max(room - margin - end, margin - start) : 0);
  const x = view.x + place.x * view.zoom;
  const y = view.y + place.y * view.zoom;
  return { ...view, x: view.x + shift(x, x + place.width * view.zoom, window.width), y: view.y + shift(y, y + place.height * view.zoom, window.height) };
}

/** The same look after a change of the layout: what the reader looks at stays where it is on the screen. */
export function hold(before: Layout<unknown>, after: Layout<unknown>, view: View, window: Size, on?: string): View {
  let anchor = on !== undefined && after.byId.has(on) ? before.byId.get(on) : undefined;
  if (!anchor) {
    let nearest = Infinity;
    for (const p of before.places) {
      const y = view.y + p.y * view.zoom;
      const x = view.x + p.x * view.zoom;
      if (y < -p.height || x < -p.width || x > window.width || !after.byId.has(p.id)) continue;
      if (y < nearest) [nearest, anchor] = [y, p];
    }
  }
  if (!anchor) return view;
  const now = after.byId.get(anchor.id)!;
  return { ...view, x: view.x - (now.x - anchor.x) * view.zoom, y: view.y - (now.y - anchor.y) * view.zoom };
}
