// What reaches what: addresses outside → Ingress → Service → pods. The objects themselves tell: an Ingress names its
// Services, a Service the labels of its pods.
import { graphlib, layout as dagre } from "@dagrejs/dagre";
import { sizeOf, type Card, type OutsideCard } from "./cards";
import { asksNothing, matches, readFilter, type Filter } from "./filter";
import { fold, type Opened, type Shown } from "./fold";
import { finish, type Layout, type Place } from "./layout";
import { healths, rank, type Item } from "./model";

export interface Wire {
  from: string;
  to: string;
}

export interface Net {
  items: Item[];
  outside: OutsideCard[];
  wires: Wire[];
}

/** Everything that is part of the network, and what leads to what. */
export function netOf(items: Item[]): Net {
  const byId = new Map(items.map((i) => [i.id, i]));
  const wires: Wire[] = [];
  const outside: OutsideCard[] = [];
  const inside = new Set<string>();
  const labelled = new Map<string, Item[]>(); // "namespace label=value": the pods that have it
  for (const i of items) {
    if (!i.pod) continue;
    for (const [k, v] of Object.entries(i.network?.labels ?? {})) {
      const word = `${i.key.namespace} ${k}=${v}`;
      push(labelled, word, i);
    }
  }
  for (const i of items) {
    const { network } = i;
    if (!network) continue;
    const before = wires.length;
    for (const ref of network.targetRefs ?? []) {
      const to = [ref.group ?? "", ref.kind ?? "", ref.namespace ?? i.key.namespace, ref.name ?? ""].join("/");
      if (byId.has(to) && to !== i.id) wires.push({ from: i.id, to });
    }
    const target = Object.entries(network.targetLabels ?? {});
    if (target.length > 0) {
      // The rarest label has the fewest pods to look at.
      const lists = target.map(([k, v]) => labelled.get(`${i.key.namespace} ${k}=${v}`) ?? []);
      const least = lists.reduce((a, b) => (b.length < a.length ? b : a));
      for (const p of least) if (target.every(([k, v]) => p.network?.labels?.[k] === v)) wires.push({ from: i.id, to: p.id });
    }
    const addresses = (network.ingress ?? []).map((a) => a.hostname || a.ip || "").filter(Boolean);
    const urls = network.externalURLs ?? [];
    if (addresses.length + urls.length > 0) {
      outside.push({ type: "outside", id: `outside/${i.id}`, urls, addresses });
      wires.push({ from: `outside/${i.id}`, to: i.id });
    }
    if (wires.length > before || target.length > 0 || (network.targetRefs ?? []).length > 0) inside.add(i.id);
  }
  for (const w of wires) {
    if (byId.has(w.to)) inside.add(w.to);
    if (byId.has(w.from)) inside.add(w.from);
  }
  return { items: items.filter((i) => inside.has(i.id)), outside, wires };
}

/** The part of the network that a filter leaves: what matches, what leads there, and where it leads to. */
export function cut(net: Net, filter: Filter): Net {
  if (asksNothing(filter)) return net;
  const found = net.items.filter((i) => matches(filter, i)).map((i) => i.id);
  const kept = new Set(found);
  const along = (from: keyof Wire, to: keyof Wire) => {
    const next = new Map<string, string[]>();
    for (const w of net.wires) push(next, w[from], w[to]);
    const more = [...found];
    const seen = new Set(more);
    for (let at = more.pop(); at !== undefined; at = more.pop()) {
      kept.add(at);
      for (const id of next.get(at) ?? []) {
        if (seen.has(id)) continue;
        seen.add(id);
        more.push(id);
      }
    }
  };
  along("from", "to");
  along("to", "from");
  return { items: net.items.filter((i) => kept.has(i.id)), outside: net.outside.filter((o) => kept.has(o.id)), wires: net.wires.filter((w) => kept.has(w.from) && kept.has(w.to)) };
}

/** More pods than this behind the same Services fold; fewer where there is much to show. */
const limitOf = (net: Net) => (net.items.length > 120 ? 3 : 8);

/** The nodes of the network, and the wires between them. Pods behind the same Services fold as those of one owner do in the tree. */
export function cardsOf(net: Net, filter: Filter, opened: Opened, keep: ReadonlySet<string>): { cards: Card[]; wires: Wire[] } {
  const pods = new Map(net.items.filter((i) => i.pod).map((i) => [i.id, i]));
  const quiet = (i: Item) => !asksNothing(filter) && !matches(filter, i);
  const cards: Card[] = [...net.outside];
  for (const item of net.items) if (!item.pod) cards.push({ type: "item", id: item.id, item, quiet: quiet(item), below: 0, closed: false, children: [] });
  const wires = net.wires.filter((w) => !pods.has(w.to));

  const behind = new Map<string, string[]>();
  for (const w of net.wires) if (pods.has(w.to)) push(behind, w.to, w.from);
  const bundles = new Map<string, Item[]>();
  for (const [id, from] of behind) {
    const of = from.sort().join("\n");
    push(bundles, of, { ...pods.get(id)!, parent: undefined });
  }
  for (const [of, bundle] of bundles) {
    const id = `${of}>pods`;
    const pages = opened.get(id);
    const shown = fold(bundle, { filter: nothing, opened: new Map(pages === undefined ? [] : [[">/Pod", pages]]), keep, orphaned: true, limit: limitOf(net) });
    for (const s of shown) {
      const card: Shown = s.type === "item" ? { ...s, item: pods.get(s.id)!, quiet: quiet(s.item) } : { ...s, id: s.why === "more" ? id + ">more" : id };
      cards.push(card);
      for (const from of of.split("\n")) wires.push({ from, to: card.id });
    }
  }
  return { cards, wires };
}

const nothing = readFilter(undefined);

function push<K, V>(to: Map<K, V[]>, key: K, value: V) {
  const list = to.get(key);
  if (list) list.push(value);
  else to.set(key, [value]);
}

/** The network as an outline: below each object what it leads to. What is reached in two ways stands below the first. */
export function outlineOf(cards: Card[], wires: Wire[]): Shown[] {
  const byId = new Map(cards.flatMap((c): [string, Shown][] => (c.type === "item" || c.type === "fold" ? [[c.id, c]] : [])));
  const below = new Map<string, string[]>();
  const reached = new Set<string>();
  for (const w of wires) {
    if (!byId.has(w.from) || !byId.has(w.to)) continue;
    push(below, w.from, w.to);
    reached.add(w.to);
  }
  const seen = new Set<string>();
  const draw = (ids: Iterable<string>): Shown[] => {
    const fresh = [...ids].filter((id) => !seen.has(id));
    for (const id of fresh) seen.add(id);
    return fresh.map((id) => ({ ...byId.get(id)!, children: draw(below.get(id) ?? []) }));
  };
  const roots = [...byId.keys()];
  return [...draw(roots.filter((id) => !reached.has(id))), ...draw(roots)];
}

/** No more nodes than this are drawn; the routes that do not fit are counted. */
const cap = 300;

/** The network from left to right. Routes that share nothing are laid out each for itself, one below the other, so that a change in one leaves the others where they are. */
export function drawNetwork(cards: Card[], wires: Wire[]): { layout: Layout<Card>; left: number } {
  const all = routes(cards, wires);
  const shown: Route[] = [];
  let count = 0;
  for (const r of cards.length > cap ? [...all].sort((a, b) => a.worst - b.worst) : all) {
    if (shown.length > 0 && count + r.cards.length > cap) continue;
    shown.push(r);
    count += r.cards.length;
  }
  const drawn = all.filter((r) => shown.includes(r)).map(drawRoute);
  // The Services stand below each other, whatever stands before them.
  const service = Math.max(0, ...drawn.map((d) => d.service));
  const places: Place<Card>[] = [];
  let y = 0;
  for (const d of drawn) {
    for (const p of d.places) places.push({ ...p, x: p.x + service - d.service, y: p.y + y });
    y += d.height + 28;
  }
  const xs = [...new Set(places.map((p) => p.x))].sort((a, b) => a - b);
  for (const p of places) p.depth = xs.indexOf(p.x);
  places.sort((a, b) => a.depth - b.depth || a.y - b.y);
  return { layout: finish(places), left: all.length - drawn.length };
}

interface Route {
  cards: Card[];
  wires: Wire[];
  worst: number;
}

function routes(cards: Card[], wires: Wire[]): Route[] {
  const beside = new Map<string, Wire[]>();
  for (const w of wires) {
    push(beside, w.from, w);
    push(beside, w.to, w);
  }
  const byId = new Map(cards.map((c) => [c.id, c]));
  const seen = new Set<string>();
  const out: Route[] = [];
  for (const first of cards) {
    if (seen.has(first.id)) continue;
    seen.add(first.id);
    const ids = [first.id];
    const lines = new Set<Wire>();
    for (let at = 0; at < ids.length; at++) {
      for (const w of beside.get(ids[at]) ?? []) {
        lines.add(w);
        for (const id of [w.from, w.to]) {
          if (seen.has(id)) continue;
          seen.add(id);
          ids.push(id);
        }
      }
    }
    const of = ids.map((id) => byId.get(id)!);
    out.push({ cards: of, wires: [...lines], worst: Math.min(...of.map((c) => (c.type === "item" ? rank(c.item.health) : c.type === "fold" ? rank(c.healths[0]?.[0]) : healths.length))) });
  }
  return out;
}

function drawRoute({ cards, wires }: Route) {
  const g = new graphlib.Graph();
  g.setGraph({ rankdir: "LR", nodesep: 12, ranksep: 72 });
  g.setDefaultEdgeLabel(() => ({}));
  for (const c of cards) g.setNode(c.id, sizeOf(c));
  for (const w of wires) g.setEdge(w.from, w.to);
  dagre(g);
  const places = cards.map((c): Place<Card> => {
    const { x, y, width, height } = g.node(c.id) as { x: number; y: number; width: number; height: number };
    return { id: c.id, x: Math.round(x - width / 2), y: Math.round(y - height / 2), width, height, value: c, depth: 0, from: [], to: [] };
  });
  const byId = new Map(places.map((p) => [p.id, p]));
  for (const w of wires) {
    byId.get(w.to)!.from.push(w.from);
    byId.get(w.from)!.to.push(w.to);
  }
  for (const p of places) p.to.sort((a, b) => byId.get(a)!.y - byId.get(b)!.y);
  const services = places.filter((p) => p.value.type === "item" && p.value.item.key.kind === "Service");
  return { places, height: Math.max(...places.map((p) => p.y + p.height)), service: services.length > 0 ? Math.min(...services.map((p) => p.x)) : 0 };
}
