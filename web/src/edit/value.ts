// An application as a value: how a form changes it, and how two are compared. Values in, values out.
import type { Application, ApplicationSource } from "../types";
import { same, type Path } from "./yaml";

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null;
const isEmpty = (v: unknown) => v === undefined || v === "" || v === null || (isObject(v) && Object.keys(v).length === 0);

/** What stands at a path; undefined when nothing does. */
export function at<T = unknown>(value: unknown, path: Path): T | undefined {
  let v: unknown = value;
  for (const step of path) {
    if (!isObject(v)) return undefined;
    v = v[step];
  }
  return v as T | undefined;
}

/** The value with something else at a path. undefined takes the field away, and with it what is empty without it. */
export function put<V>(value: V, path: Path, to: unknown): V {
  if (path.length === 0) return to as V;
  const [step, ...rest] = path as [string | number, ...Path];
  const isList = typeof step === "number";
  const old = isObject(value) ? value : isList ? [] : {};
  const inner = put((old as Record<string, unknown>)[step], rest, to);
  const copy: unknown[] | Record<string, unknown> = Array.isArray(old) ? [...old] : { ...old };
  // "automated: {}" says something: an empty object that is put there stays, and so does an item of a list.
  const takesAway = rest.length === 0 ? to === undefined : isEmpty(inner) && to === undefined && !isList && step !== "automated" && step !== "metadata" && step !== "spec";
  if (takesAway && isList) (copy as unknown[]).splice(step as number, 1);
  else if (takesAway) delete (copy as Record<string, unknown>)[step];
  else (copy as Record<string | number, unknown>)[step] = inner;
  return copy as V;
}

/** The sources, and where each stands. */
export function sourcesOf(app: Application): { source: ApplicationSource; path: Path }[] {
  const list = app.spec?.sources;
  if (Array.isArray(list) && list.length > 0) return list.map((source, i) => ({ source: source ?? {}, path: ["spec", "sources", i] }));
  return [{ source: app.spec?.source ?? {}, path: ["spec", "source"] }];
}

/** The application with other sources: one stands in spec.source, several (and one that others could refer to) in spec.sources. */
export function withSources(app: Application, list: ApplicationSource[]): Application {
  const { source: _1, sources: _2, ...spec } = app.spec ?? {};
  const alone = list.length === 1 && !list[0]!.ref;
  return { ...app, spec: alone ? { ...spec, source: list[0] } : { ...spec, sources: list } };
}

export function moved<T>(list: T[], from: number, to: number): T[] {
  const copy = [...list];
  copy.splice(to, 0, ...copy.splice(from, 1));
  return copy;
}

/** Is a sync option on, off, or not said? Options are Name=value. */
export function option(list: readonly string[] | undefined, name: string): string | undefined {
  const last = (list ?? []).filter((o) => typeof o === "string" && o.startsWith(name + "=")).at(-1);
  return last?.slice(name.length + 1);
}

/** The options with one set to a value, in its place; undefined leaves it out. */
export function withOption(list: readonly string[] | undefined, name: string, value: string | undefined): string[] | undefined {
  const mine = (o: string) => typeof o === "string" && o.startsWith(name + "=");
  const old = list ?? [];
  const first = old.findIndex(mine);
  const rest = old.filter((o, i) => !mine(o) || (value !== undefined && i === first)).map((o) => (mine(o) ? `${name}=${value}` : o));
  if (value !== undefined && first < 0) rest.push(`${name}=${value}`);
  return rest.length > 0 ? rest : undefined;
}

/** One field that differs. Lists count as a whole: what stands where in them is for their owner to say. */
export interface Change {
  path: string[];
  before: unknown;
  after: unknown;
}

/** Every field in which b differs from a. */
export function changes(a: unknown, b: unknown, path: string[] = []): Change[] {
  if (same(a, b)) return [];
  const isMap = (v: unknown): v is Record<string, unknown> => isObject(v) && !Array.isArray(v);
  if (!(isMap(a) || a === undefined) || !(isMap(b) || b === undefined) || (a === undefined && path.length > 0 && isEmpty(b)) || (b === undefined && isEmpty(a))) return [{ path, before: a, after: b }];
  const keys = [...new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])];
  return keys.flatMap((k) => changes((a as Record<string, unknown> | undefined)?.[k], (b as Record<string, unknown> | undefined)?.[k], [...path, k]));
}

export interface Merge {
  /** What only they changed: it can be taken over. */
  theirs: Change[];
  /** What both changed, differently; before is theirs, after is mine. */
  both: Change[];
}

/** Somebody has made theirs of base, while I made mine of it. */
export function compareThree(base: unknown, mine: unknown, theirs: unknown): Merge {
  const my = changes(base, mine);
  const touches = (a: string[], b: string[]) => a.every((s, i) => i >= b.length || b[i] === s);
  const out: Merge = { theirs: [], both: [] };
  for (const c of changes(base, theirs)) {
    if (same(at(mine, c.path), c.after)) continue; // we agree
    if (my.some((m) => touches(m.path, c.path))) out.both.push({ path: c.path, before: c.after, after: at(mine, c.path) });
    else out.theirs.push(c);
  }
  return out;
}

/** mine with the changes of others in it. */
export function takeOver<V>(mine: V, list: Change[]): V {
  return list.reduce((v, c) => put(v, c.path, c.after), mine);
}
