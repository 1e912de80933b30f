// One document, two views. The text is the truth; the form reads a value out of it, and what the form changes is written
// into the text as it stands: comments, order, and fields that the form does not know stay.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import { diffArrays } from "diff";
import type { Application } from "../types";

/** Why a text is no application, and where: characters from its beginning. */
export interface Fault {
  message: string;
  line: number;
  from: number;
  to: number;
}

export type Reading = { value: Application; fault?: undefined } | { value?: undefined; fault: Fault };

/** Where a field stands: ["spec", "sources", 1, "path"]. */
export type Path = (string | number)[];

// Kubernetes reads YAML 1.1, in which yes and on are true: what we write is quoted so that both agree.
const both = { compat: "yaml-1.1" } as const;
const style = { lineWidth: 0, blockQuote: "literal", flowCollectionPadding: false } as const;

export function read(text: string): Reading {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (from: number, to: number, message: string): Reading => ({ fault: { message, from, to, line: lines.linePos(from).line } });
  const wrong = doc.errors[0];
  if (wrong) return at(wrong.pos[0], wrong.pos[1], wrong.code === "MULTIPLE_DOCS" ? "One application at a time: there is a second document here." : wrong.message);
  try {
    const value = doc.toJS() as unknown;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return at(0, text.length, "An application is expected: apiVersion, kind, metadata and spec.");
    return { value: value as Application };
  } catch (e) {
    return at(0, text.length, e instanceof Error ? e.message : String(e));
  }
}

/** The text with another value in it. Where the value is the same, the text is, to the character. */
export function write(text: string, value: unknown): string {
  const doc = parseDocument(text, both);
  if (doc.errors.length > 0) throw new Error("the text must be readable before it is changed");
  if (same(doc.toJS(), value)) return text;
  const print = () => doc.toString({ ...style, indentSeq: indentsLists(text) });
  const before = print();
  doc.contents = assign(doc, doc.contents as Node | null, value, []) as typeof doc.contents;
  const after = print();
  const fitted = patch(text, before, after);
  return fitted !== undefined && same(read(fitted).value, value) ? fitted : after;
}

/** Makes the step from before to after in a text that differs from before only within its lines; undefined when it does not. */
function patch(text: string, before: string, after: string): string | undefined {
  const lines = text.split("\n");
  const old = before.split("\n");
  if (lines.length !== old.length) return undefined;
  const out: string[] = [];
  let i = 0;
  for (const part of diffArrays(old, after.split("\n"))) {
    if (part.added) out.push(...part.value);
    else {
      if (!part.removed) out.push(...lines.slice(i, i + part.value.length));
      i += part.value.length;
    }
  }
  return out.join("\n");
}

/** A value as a new text. */
export function print(value: unknown): string {
  const doc = parseDocument("", both);
  doc.contents = create(doc, value, []) as typeof doc.contents;
  return doc.toString({ ...style, indentSeq: false });
}

/** Are the items of a list indented below its name, as it is written there? kubectl does not indent them. */
const indentsLists = (text: string) => !/^( *)[\w.-]+:[^\S\n]*\n\1- /m.test(text);

// The order in which people write the fields of an application.
const order = (
  "apiVersion kind metadata name namespace labels annotations finalizers spec project sources source repoURL chart path targetRevision ref helm kustomize directory plugin " +
  "releaseName valueFiles valuesObject values parameters namePrefix nameSuffix images commonLabels commonAnnotations recurse include exclude jsonnet " +
  "destination server syncPolicy automated prune selfHeal allowEmpty syncOptions retry limit backoff duration factor maxDuration ignoreDifferences group " +
  "jsonPointers jqPathExpressions managedFieldsManagers info revisionHistoryLimit"
).split(" ");
const rank = (key: unknown) => {
  const i = order.indexOf(String(key));
  return i < 0 ? order.length : i;
};

/** Turns a node into one with that value, keeping what stays the same. gone are nodes that may be used again elsewhere. */
function assign(doc: Document, node: Node | null | undefined, value: unknown, gone: Node[]): Node {
  if (node && !isAlias(node) && same(plain(doc, node), value)) return node;
  if (isScalar(node) && !isObject(value)) {
    if (node.value === "") node.type = undefined; // quotes around nothing are not the writer's style
    node.value = value;
    // A block of lines stays one as long as it has lines; a quoted text stays quoted as long as it is a text.
    if ((node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED") && !(typeof value === "string" && value.includes("\n"))) node.type = undefined;
    delete (node as { source?: string }).source;
    return node;
  }
  if (isMap(node) && isObject(value) && !Array.isArray(value)) return assignMap(doc, node, value as Record<string, unknown>, gone);
  if (isSeq(node) && Array.isArray(value)) return assignList(doc, node, value, gone);
  return create(doc, value, gone);
}

function assignMap(doc: Document, map: YAMLMap, value: Record<string, unknown>, gone: Node[]): Node {
  const wasEmpty = map.items.length === 0;
  const left = map.items.filter((p) => !(keyOf(p) in value) || value[keyOf(p)] === undefined);
  const mine = [...gone, ...left.map((p) => p.value as Node).filter(Boolean)];
  // A source that becomes the first of several stands where it stood.
  const place = left.length > 0 ? map.items.indexOf(left[0]!) : -1;
  const moved = left.find((p) => isObject(p.value && plain(doc, p.value as Node)));
  map.items = map.items.filter((p) => !left.includes(p));
  for (const p of map.items) p.value = assign(doc, p.value as Node, value[keyOf(p)], mine);
  for (const [key, v] of Object.entries(value)) {
    if (v === undefined || map.items.some((p) => keyOf(p) === key)) continue;
    const pair = doc.createPair(key, create(doc, v, mine)) as Pair<Node, Node>;
    if (moved && renames(keyOf(moved), key)) {
      const before = (moved.key as Node).commentBefore;
      if (before) (pair.key as Node).commentBefore = before;
      map.items.splice(place, 0, pair);
      continue;
    }
    const next = map.items.findIndex((p) => rank(keyOf(p)) > rank(key));
    map.items.splice(next < 0 ? map.items.length : next, 0, pair);
  }
  if (wasEmpty && map.items.length > 0) map.flow = false;
  return map;
}

const renames = (from: string, to: string) => (from === "source" && to === "sources") || (from === "sources" && to === "source");

/** Items that stay the same are kept as they are written, wherever they go; the others are changed in their place. */
function assignList(doc: Document, list: YAMLSeq, value: unknown[], gone: Node[]): Node {
  const old = list.items as Node[];
  const free = new Set(old.map((_, i) => i));
  const kept = value.map((v) => {
    for (const i of free) {
      if (same(plain(doc, old[i]!), v)) {
        free.delete(i);
        return old[i];
      }
    }
    return undefined;
  });
  list.items = value.map((v, i) => {
    if (kept[i]) return kept[i];
    if (free.has(i) && old.length === value.length) {
      free.delete(i);
      return assign(doc, old[i], v, gone);
    }
    return create(doc, v, gone);
  });
  if (list.items.length > 0 && old.length === 0) list.flow = false;
  return list;
}

function create(doc: Document, value: unknown, gone: Node[]): Node {
  if (isObject(value)) {
    const i = gone.findIndex((n) => same(plain(doc, n), value));
    if (i >= 0) return gone.splice(i, 1)[0]!;
    // A list that is gone may hold what is looked for.
    for (const n of gone) {
      if (!isSeq(n)) continue;
      const item = (n.items as Node[]).find((item) => same(plain(doc, item), value));
      if (item && item === n.items[0]) item.commentBefore ??= n.commentBefore;
      if (item) return item;
    }
    if (Array.isArray(value)) {
      const list = doc.createNode([]) as unknown as YAMLSeq;
      list.items = value.map((v) => create(doc, v, gone));
      if (value.length > 0) list.flow = false;
      return list as unknown as Node;
    }
    const map = doc.createNode({}) as unknown as YAMLMap;
    map.items = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => doc.createPair(k, create(doc, v, gone)) as Pair);
    if (map.items.length > 0) map.flow = false;
    return map as unknown as Node;
  }
  const node = doc.createNode(value) as Node;
  if (isScalar(node) && typeof value === "string" && value.includes("\n")) node.type = "BLOCK_LITERAL";
  return node;
}

const keyOf = (p: Pair<unknown, unknown>) => String(isScalar(p.key) ? p.key.value : p.key);
const isObject = (v: unknown): v is object => typeof v === "object" && v !== null;
const plain = (doc: Document, node: Node) => node.toJS(doc) as unknown;

/** Equal as data; fields that are undefined count as missing. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a)) return a.length === (b as unknown[]).length && a.every((v, i) => same(v, (b as unknown[])[i]));
  const keys = (o: object) => Object.keys(o).filter((k) => (o as Record<string, unknown>)[k] !== undefined);
  const mine = keys(a);
  return mine.length === keys(b).length && mine.every((k) => k in b && same((a as Record<string, unknown>)[k], (b as Record<string, unknown>)[k]));
}

/** Where a field stands in the text; the nearest thing around it that is there. Undefined when there is none. */
export function rangeOf(text: string, path: Path): { from: number; to: number } | undefined {
  const doc = parseDocument(text);
  let node: unknown = doc.contents;
  let found: [number, number] | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = (node.items as Pair<Node, Node>[]).find((p) => keyOf(p) === String(step));
      if (!pair) break;
      const key = pair.key?.range;
      const value = isScalar(pair.value) ? pair.value.range : undefined;
      if (key) found = [key[0], value && value[1] > value[0] ? value[1] : key[1]];
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      const range = (node as Node | undefined)?.range;
      if (!range) break;
      found = isScalar(node) ? [range[0], range[1]] : [range[0], Math.min(range[1], lineEnd(text, range[0]))];
    } else break;
  }
  return found && { from: found[0], to: found[1] };
}

const lineEnd = (text: string, from: number) => {
  const i = text.indexOf("\n", from);
  return i < 0 ? text.length : i;
};

/** The one replacement that turns a text into another: what stands before and after it stays, and with it the cursor. */
export function replacement(before: string, after: string): { from: number; to: number; insert: string } {
  let from = 0;
  const most = Math.min(before.length, after.length);
  while (from < most && before[from] === after[from]) from++;
  let end = 0;
  while (end < most - from && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}
