// From all objects to the few that are drawn. An application may have thousands: siblings of one kind fold into one
// node, revisions that are gone fold, and what does not fit into the picture waits behind its owner. What is not well
// stays outside of the folds, so that folding never hides a cause.
import { asksNothing, matches, type Filter } from "./filter";
import { healths, noteworthy, rank, type Item } from "./model";

export type Shown = ItemShown | FoldShown;

export interface ItemShown {
  type: "item";
  id: string;
  item: Item;
  /** Not looked for; it is here because it owns what is. */
  quiet: boolean;
  /** How many objects it owns, directly or not, that could be shown below it. */
  below: number;
  /** They are not shown. */
  closed: boolean;
  children: Shown[];
}

export interface FoldShown {
  type: "fold";
  id: string;
  /** many: siblings of one kind. old: ReplicaSets of former revisions. more: what is left of an open fold. orphaned: what belongs to nobody. */
  why: "many" | "old" | "more" | "orphaned";
  kind: string;
  count: number;
  /** How many there are of each health, from worst to best, and how many differ from Git and do not. */
  healths: [health: string, count: number][];
  outOfSync: number;
  synced: number;
  open: boolean;
  /** An open fold's members stand beside it, as its siblings. Only the orphaned ones stand below. */
  children: Shown[];
}

/** What the reader opened (how many pages of it, from 1) and closed (0). */
export type Opened = ReadonlyMap<string, number>;

export interface Folding {
  filter: Filter;
  opened: Opened;
  /** These are shown in any case: somebody followed a link to them. */
  keep: ReadonlySet<string>;
  orphaned: boolean;
  /** More siblings of one kind than this fold. */
  limit?: number;
  /** About as many nodes are drawn before the rest waits behind its owners. */
  cap?: number;
}

/** So many more are shown with each opening of a fold. */
export const page = 60;

export function fold(items: Item[], { filter, opened, keep, orphaned, limit = 12, cap = 400 }: Folding): Shown[] {
  const all = asksNothing(filter);
  const family = familyOf(orphaned ? items : items.filter((i) => !i.orphaned));

  // Bottom up: what is in the picture at all, how bad it is below, and how much there is.
  const wanted = new Map<Item, boolean>();
  const worst = new Map<Item, number>(); // how much it should be seen
  const health = new Map<Item, number>(); // the same by health alone
  const size = new Map<Item, number>();
  const keeps = new Map<Item, boolean>();
  for (let at = family.order.length - 1; at >= 0; at--) {
    const i = family.order[at];
    let want = all || matches(filter, i);
    let bad = noteworthy(i) ? Math.min(rank(i.health), rank("Suspended")) : rank("Healthy");
    let ill = rank(i.health);
    let count = 1;
    let kept = keep.has(i.id);
    for (const c of family.of(i)) {
      if (!wanted.get(c)) continue;
      want = true;
      count += size.get(c)!;
      bad = Math.min(bad, worst.get(c)!);
      ill = Math.min(ill, health.get(c)!);
      kept ||= keeps.get(c)!;
    }
    wanted.set(i, want);
    worst.set(i, bad);
    health.set(i, ill);
    size.set(i, count);
    keeps.set(i, kept);
  }

  const isBad = (i: Item) => worst.get(i)! < rank("Healthy");
  const show = (i: Item): ItemShown => ({ type: "item", id: i.id, item: i, quiet: !all && !matches(filter, i), below: size.get(i)! - 1, closed: false, children: [] });

  const siblings = (parent: string, list: Item[]): Shown[] => {
    const out: Shown[] = [];
    for (const kin of byKind(list)) {
      const { kind } = kin[0].key;
      const old = kind === "ReplicaSet" ? formerRevisions(kin, family.of).filter((i) => !keeps.get(i)) : [];
      const rest = old.length > 1 ? kin.filter((i) => !old.includes(i)) : kin;
      out.push(...many(parent, kind, rest));
      if (old.length > 1) out.push(...foldOf(`${parent}>old`, "old", kind, old));
    }
    return out;
  };

  const many = (parent: string, kind: string, kin: Item[]): Shown[] => {
    if (kin.length <= limit) return kin.map(show);
    // As many as would stand there anyway may stay outside, the worst first.
    const outside = new Set(
      kin
        .filter(isBad)
        .sort((a, b) => worst.get(a)! - worst.get(b)!)
        .slice(0, limit),
    );
    const id = `${parent}>${kin[0].key.group}/${kind}`;
    const inside = kin.filter((i) => !outside.has(i));
    const shown = (opened.get(id) ?? 0) * page;
    inside.forEach((i, at) => at >= shown && keeps.get(i) && outside.add(i));
    const folded = kin.filter((i) => !outside.has(i));
    if (folded.length < 3) return kin.map(show);
    return [...kin.filter((i) => outside.has(i)).map(show), ...foldOf(id, "many", kind, folded)];
  };

  const foldOf = (id: string, why: "many" | "old", kind: string, members: Item[]): Shown[] => {
    const pages = opened.get(id) ?? 0;
    const head: FoldShown = { type: "fold", id, why, kind, open: pages > 0, children: [], ...sum(members) };
    if (pages === 0) return [head];
    const left = members.slice(pages * page);
    const out: Shown[] = [head, ...members.slice(0, pages * page).map(show)];
    if (left.length > 0) out.push({ type: "fold", id: id + ">more", why: "more", kind, open: false, children: [], ...sum(left) });
    return out;
  };

  const sum = (members: Item[]) => {
    const of = new Array<number>(healths.length).fill(0);
    let [outOfSync, synced] = [0, 0];
    for (const i of members) {
      const at = health.get(i)!; // what is folded away is as well as what it owns
      if (at < healths.length) of[at]++;
      if (i.sync === "OutOfSync") outOfSync++;
      else if (i.sync === "Synced") synced++;
    }
    return { count: members.length, outOfSync, synced, healths: healths.flatMap((h, at): [string, number][] => (of[at] > 0 ? [[h, of[at]]] : [])) };
  };

  const roots = family.roots.filter((i) => wanted.get(i));
  const top = siblings("", roots.filter((i) => !i.orphaned));
  const strays = roots.filter((i) => i.orphaned);
  if (strays.length > 0) {
    const open = opened.get(">orphaned") !== 0;
    top.push({ type: "fold", id: ">orphaned", why: "orphaned", kind: "", open, ...sum(strays), children: open ? siblings(">orphaned", strays) : [] });
  }

  // Column by column, the worst first, until the picture is full. What the reader opened comes on top.
  let drawn = top.length;
  let column = top.flatMap((s) => (s.type === "item" ? [s] : s.children.filter((c) => c.type === "item")));
  while (column.length > 0) {
    const next: ItemShown[] = [];
    for (const s of [...column].sort((a, b) => worst.get(a.item)! - worst.get(b.item)!)) {
      const list = family.of(s.item).filter((c) => wanted.get(c));
      if (list.length === 0) continue;
      const choice = opened.get(s.id);
      const children = siblings(s.id, list);
      const fits = drawn + children.length <= cap || choice !== undefined || keeps.get(s.item);
      if (choice === 0 || !fits) {
        s.closed = true;
        continue;
      }
      if (choice === undefined) drawn += children.length;
      s.children = children;
      for (const c of children) if (c.type === "item") next.push(c);
    }
    column = next;
  }
  return top;
}

interface Family {
  roots: Item[];
  of: (i: Item) => Item[];
  /** Owners before what they own. */
  order: Item[];
}

/** Who owns what. Owners that go round in a circle are cut: the cluster permits them, a picture does not. */
export function familyOf(items: Item[]): Family {
  const byId = new Map(items.map((i) => [i.id, i]));
  const children = new Map<string, Item[]>();
  const roots: Item[] = [];
  for (const i of items) {
    if (i.parent !== undefined && byId.has(i.parent)) {
      const list = children.get(i.parent);
      if (list) list.push(i);
      else children.set(i.parent, [i]);
    } else roots.push(i);
  }
  const order: Item[] = [];
  const seen = new Set<Item>();
  const walk = (from: Item) => {
    seen.add(from);
    order.push(from);
    for (let at = order.length - 1; at < order.length; at++) {
      for (const c of children.get(order[at].id) ?? []) {
        if (seen.has(c)) continue;
        seen.add(c);
        order.push(c);
      }
    }
  };
  for (const r of roots) walk(r);
  for (const i of items) {
    if (seen.has(i)) continue;
    roots.push(i); // part of a circle
    const list = children.get(i.parent!);
    if (list) children.set(i.parent!, list.filter((c) => c !== i));
    walk(i);
  }
  roots.sort(inOrder);
  for (const list of children.values()) list.sort(inOrder);
  return { roots, order, of: (i) => children.get(i.id) ?? [] };
}

const kinds = [
  "Application", "ApplicationSet", "AppProject", "Namespace", "Rollout", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "ReplicaSet", "Pod",
  "Ingress", "Gateway", "HTTPRoute", "Service", "EndpointSlice", "HorizontalPodAutoscaler", "PodDisruptionBudget", "PersistentVolumeClaim",
];
const place = new Map(kinds.map((k, at) => [k, at]));

/** What runs comes first, then how it is reached, then the rest by kind; newer revisions before older ones. It never depends on health, so that nothing moves when that changes. */
function inOrder(a: Item, b: Item): number {
  const byKind = (place.get(a.key.kind) ?? kinds.length) - (place.get(b.key.kind) ?? kinds.length);
  if (byKind !== 0) return byKind;
  if (a.key.kind !== b.key.kind) return a.key.kind < b.key.kind ? -1 : 1;
  if (a.key.group !== b.key.group) return a.key.group < b.key.group ? -1 : 1;
  if (a.revision !== b.revision) return (b.revision ?? 0) - (a.revision ?? 0);
  // What controllers make is added at the end, so that a rollout pushes nothing aside that it need not.
  if (a.parent !== undefined && a.created !== b.created) return (a.created ?? "") < (b.created ?? "") ? -1 : 1;
  return names.compare(a.id, b.id);
}

/** web-2 stands before web-10. */
const names = new Intl.Collator("en", { numeric: true });

function byKind(sorted: Item[]): Item[][] {
  const out: Item[][] = [];
  for (const i of sorted) {
    const last = out.at(-1);
    if (last && last[0].key.kind === i.key.kind && last[0].key.group === i.key.group) last.push(i);
    else out.push([i]);
  }
  return out;
}

/** ReplicaSets without pods that a newer one has replaced. */
function formerRevisions(kin: Item[], childrenOf: (i: Item) => Item[]): Item[] {
  const newest = Math.max(...kin.map((i) => i.revision ?? 0));
  return kin.filter((i) => i.revision !== undefined && i.revision < newest && childrenOf(i).length === 0);
}

/** What the reader has opened and closed after pressing a fold, or the knob of an object. */
export function press(opened: Opened, s: Shown): Opened {
  const next = new Map(opened);
  if (s.type === "item") next.set(s.id, s.closed ? 1 : 0);
  else if (s.why === "more") {
    const of = s.id.slice(0, -">more".length);
    next.set(of, (next.get(of) ?? 0) + 1);
  } else next.set(s.id, s.open ? 0 : 1);
  return next;
}

/** What a fold is called: "48 ConfigMaps". */
export function nameOfFold({ why, kind, count }: FoldShown): string {
  const n = count.toLocaleString("en");
  if (why === "orphaned") return `${n} orphaned`;
  const what = count === 1 ? kind : plural(kind);
  return why === "old" ? `${n} old ${what}` : why === "more" ? `${n} more ${what}` : `${n} ${what}`;
}

/** Pods, Ingresses, NetworkPolicies, Endpoints. */
export function plural(kind: string): string {
  if (/[^aeiou]y$/.test(kind)) return kind.slice(0, -1) + "ies";
  if (/(ss|x|ch|sh)$/.test(kind)) return kind + "es";
  return kind.endsWith("s") ? kind : kind + "s";
}

/** How the members of a fold are: "all Healthy", "3 Degraded, 45 Healthy"; "all Synced" where health is not judged; empty when there is nothing to say. */
export function sayFold(f: FoldShown): string {
  const parts = f.healths.map(([h, n]) => (n === f.count ? `all ${h}` : `${n} ${h}`));
  if (f.outOfSync > 0) parts.push(f.outOfSync === f.count ? "all OutOfSync" : `${f.outOfSync} OutOfSync`);
  if (parts.length === 0 && f.synced === f.count) parts.push("all Synced");
  return parts.join(", ");
}
