// What there is to compare of one object, and what people say of it.
import type { FieldChange, ResourceDiff } from "../types";
import { isObj, parse, toYaml, withoutManagers, type Json, type Obj } from "../yaml/text";

/**
 * equal: the cluster has what Git says. differs: it has something else. missing: it has nothing. extra: Git does not have
 * it, a sync with prune deletes it. unknown: the two could not be compared.
 */
export type Verdict = "equal" | "differs" | "missing" | "extra" | "unknown";

export function verdict(d: ResourceDiff): Verdict {
  const git = has(d.targetState);
  const live = has(d.liveState);
  if (d.refused) return "unknown";
  if (git && !live) return d.problem ? "unknown" : "missing";
  if (live && !git) return d.hook ? "equal" : "extra";
  if (d.problem) return "unknown";
  return d.modified ? "differs" : "equal";
}

const has = (state: string | undefined) => !!state && state !== "null";

/** One line that says it all: "3 fields differ". */
export function sentence(d: ResourceDiff): string {
  switch (verdict(d)) {
    case "equal":
      return "The cluster has exactly what Git says";
    case "missing":
      return "Not in the cluster: a sync creates it";
    case "extra":
      return "Not in Git: a sync that prunes deletes it";
    case "unknown":
      return d.refused ? "The project does not permit it" : "A dry run of it fails";
    case "differs": {
      const n = d.changes?.length ?? 0;
      return n === 0 ? "Git and cluster differ" : n === 1 ? "1 field differs" : `${n} fields differ`;
    }
  }
}

/** The two sides as objects: what the cluster has, and what it would have after a sync. */
export function states(d: ResourceDiff): { live?: Obj; git?: Obj } {
  const target = parse(d.targetState);
  const live = parse(has(d.normalizedLiveState) ? d.normalizedLiveState : d.liveState);
  if (!target || !live) return { live: live && withoutManagers(live), git: target };
  // When the API server refused to say what would come of it, all that is known is what Git says: of the cluster's side,
  // only what Git speaks about can be compared.
  if (d.problem) return { live: narrowed(live, target) as Obj, git: target };
  return { live: withoutManagers(live), git: parse(has(d.predictedLiveState) ? d.predictedLiveState : d.targetState) };
}

export function texts(d: ResourceDiff): { live: string; git: string } {
  const { live, git } = states(d);
  return { live: toYaml(live), git: toYaml(git) };
}

/** What `of` has of the fields that `like` has. Items of lists belong together by their names, or else by their places. */
export function narrowed(of: Json, like: Json): Json {
  if (isObj(of) && isObj(like)) return Object.fromEntries(Object.keys(like).flatMap((k) => (Object.hasOwn(of, k) ? [[k, narrowed(of[k]!, like[k]!)]] : [])));
  if (Array.isArray(of) && Array.isArray(like)) {
    const named = like.length > 0 && [...of, ...like].every((v) => isObj(v) && typeof v.name === "string");
    const partner = (v: Json, i: number) => (named ? like.find((w) => (w as Obj).name === (v as Obj).name) : like[i]);
    return of.map((v, i) => {
      const w = partner(v, i);
      return w === undefined ? v : narrowed(v, w);
    });
  }
  return of;
}

const mask = "hmac-sha256:";

/** A value of a change, for people: texts without quotes, and nothing of a secret. */
export function shown(json: string | undefined): string {
  if (json === undefined || json === "" || json === "null") return "";
  const value = read(json);
  if (typeof value === "string") return value.startsWith(mask) ? `hidden value ${value.slice(mask.length, mask.length + 6)}` : value === "" ? '""' : value;
  if (value === undefined) return json;
  return typeof value === "object" && value !== null ? toYaml(value).trimEnd() : String(value);
}

function read(json: string): Json | undefined {
  try {
    return JSON.parse(json) as Json;
  } catch {
    return undefined;
  }
}

/** What became of the field. */
export function word(c: FieldChange): "differs" | "missing" | "extra" {
  return c.kind === "Removed" ? "missing" : c.kind === "Added" ? "extra" : "differs";
}

/** A path as where it leads, and the field itself: "spec.template.spec.containers[name=web]." and "image". */
export function split(path: string): [string, string] {
  const m = /^(.*?)((?:^|\.)[^.[\]"]+|\["(?:[^"\\]|\\.)*"\]|(?:(?:^|\.)[^.[\]"]+)?\[[^\]"]*\])$/.exec(path);
  if (!m) return ["", path];
  return m[2]!.startsWith(".") ? [m[1]! + ".", m[2]!.slice(1)] : [m[1]!, m[2]!];
}

/** Who wrote what is live, as the tool's user knows it: "kubectl edit". Undefined when nobody knows. */
export function writer(c: FieldChange): string | undefined {
  if (c.ours) return "an earlier sync";
  if (!c.manager) return undefined;
  if (c.manager === "kubectl-client-side-apply") return "kubectl apply";
  return c.manager.replace(/^kubectl-/, "kubectl ");
}

/** The steps of a path for people: containers[name=web] are two, one of them a choice among the items of a list. */
type Step = { key: string } | { where: Record<string, string> } | { index: number };

/** Reads spec.template.spec.containers[name=web].image; undefined for what it does not understand. */
export function steps(path: string): Step[] | undefined {
  const out: Step[] = [];
  let rest = path;
  while (rest) {
    let m: RegExpExecArray | null;
    if ((m = /^\.?([^.[\]"]+)/.exec(rest))) out.push({ key: m[1]! });
    else if ((m = /^\.?\["((?:[^"\\]|\\.)*)"\]/.exec(rest))) {
      const key = read(`"${m[1]}"`);
      if (typeof key !== "string") return undefined; // Go's quotes know signs that JSON's do not
      out.push({ key });
    }
    else if ((m = /^\[(\d+)\]/.exec(rest))) out.push({ index: Number(m[1]) });
    else if ((m = /^\[([^\]"=]+=[^\]"]*)\]/.exec(rest))) out.push({ where: Object.fromEntries(m[1]!.split(",").map((p) => [p.slice(0, p.indexOf("=")), p.slice(p.indexOf("=") + 1)])) });
    else return undefined;
    rest = rest.slice(m[0].length);
  }
  return out;
}

/** A merge or strategic merge patch that gives the field the value of Git, for kubectl; undefined where none can be written. */
export function patchOf(c: FieldChange): { type: "merge" | "strategic"; patch: string } | undefined {
  const way = steps(c.path ?? "");
  if (!way || way.length === 0 || way.some((s) => "index" in s)) return undefined;
  const git = c.git ? read(c.git) : null;
  if (git === undefined || (typeof git === "string" && git.startsWith(mask))) return undefined;
  let value: Json = git;
  let type: "merge" | "strategic" = "merge";
  for (const [i, s] of [...way.entries()].reverse()) {
    if ("where" in s) {
      type = "strategic";
      const names = Object.fromEntries(Object.entries(s.where).map(([k, v]) => [k, k !== "name" && /^\d+$/.test(v) ? Number(v) : v]));
      if (i === way.length - 1) value = value === null ? [{ ...names, $patch: "delete" }] : [value];
      else if (isObj(value)) value = [{ ...names, ...value }];
      else return undefined;
    } else if ("key" in s) value = { [s.key]: value };
  }
  return { type, patch: JSON.stringify(value) };
}

/** Why something may be ignored: the rules of the application that speak about this object, in words. */
export function ignored(rules: readonly { group?: string; kind?: string; name?: string; namespace?: string; jsonPointers?: string[]; jqPathExpressions?: string[]; managedFieldsManagers?: string[] }[] | undefined, d: ResourceDiff): string[] {
  const is = (rule: string | undefined, value: string | undefined) => !rule || rule === "*" || rule === (value ?? "");
  return (rules ?? [])
    .filter((r) => is(r.kind, d.kind) && (r.group === "*" || (r.group ?? "") === (d.group ?? "")) && is(r.name, d.name) && is(r.namespace, d.namespace))
    .flatMap((r) => [...(r.jsonPointers ?? []), ...(r.jqPathExpressions ?? []), ...(r.managedFieldsManagers ?? []).map((m) => `all that ${m} writes`)]);
}
