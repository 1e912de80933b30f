// What the tree and the record say of one object, and what is read from the object itself. Pure: values in, values out.
import type { Application, ApplicationTree, AppName, ObjectKey, ResourceNode, ResourceRef, ResourceResult, ResourceStatus, V1Event } from "../../types";
import { isObj, type Json, type Obj } from "../../yaml/text";

export interface Facts {
  key: ObjectKey;
  version?: string;
  uid?: string;
  node?: ResourceNode;
  /** What the comparison says: only of objects that are in Git, or were put there by the application. */
  status?: ResourceStatus;
  /** What the last sync did with it. */
  result?: ResourceResult;
  owners: ResourceRef[];
  children: ResourceNode[];
  /** It is in one of the application's namespaces, and belongs to nobody. */
  orphan: boolean;
  /** The cluster does not have it. */
  missing: boolean;
  /** It is the application itself. */
  itself: boolean;
}

const same = (a: { group?: string; kind?: string; namespace?: string; name?: string }, k: ObjectKey) =>
  a.kind === k.kind && a.name === k.name && (a.group ?? "") === k.group && (a.namespace ?? "") === k.namespace;

export function factsOf(app: AppName, record: Application, tree: ApplicationTree | undefined, key: ObjectKey): Facts {
  const node = tree?.nodes?.find((n) => same(n, key));
  const orphan = node ? undefined : tree?.orphanedNodes?.find((n) => same(n, key));
  const status = record.status?.resources?.find((r) => same(r, key));
  const uid = (node ?? orphan)?.uid ?? status?.uid;
  const itself = key.group === "argoproj.io" && key.kind === "Application" && key.name === app.name && key.namespace === app.namespace;
  return {
    key,
    version: (node ?? orphan)?.version ?? status?.version ?? (itself ? "v1alpha1" : undefined),
    uid: uid ?? (itself ? record.metadata?.uid : undefined),
    node: node ?? orphan,
    status,
    result: record.status?.operationState?.syncResult?.resources?.find((r) => same(r, key)),
    owners: (node ?? orphan)?.parentRefs ?? [],
    children: tree?.nodes?.filter((n) => n.parentRefs?.some((p) => (uid && p.uid ? p.uid === uid : same(p, key)))) ?? [],
    orphan: !!orphan,
    missing: !itself && tree !== undefined && !uid,
    itself,
  };
}

export const keyOf = (n: { group?: string; kind?: string; namespace?: string; name?: string }): ObjectKey => ({
  group: n.group ?? "",
  kind: n.kind ?? "",
  namespace: n.namespace ?? "",
  name: n.name ?? "",
});

/** What became of the object in the last sync, in a word when it went wrong. */
export const failedResult = (r: ResourceResult | undefined): string | undefined =>
  r && (r.status === "SyncFailed" || r.hookPhase === "Failed" || r.hookPhase === "Error") ? r.message || "It failed, and nobody said why." : undefined;

/** A field of the object, by its path. */
export function at(o: Json | undefined, ...way: string[]): Json | undefined {
  let v = o;
  for (const name of way) v = isObj(v) && Object.hasOwn(v, name) ? v[name] : undefined;
  return v;
}
const text = (v: Json | undefined): string | undefined => (typeof v === "string" && v !== "" ? v : undefined);
const number = (v: Json | undefined): number | undefined => (typeof v === "number" ? v : undefined);
const list = (v: Json | undefined): Json[] => (Array.isArray(v) ? v : []);

/** The labels or annotations, by name. */
export function marksOf(o: Obj | undefined, which: "labels" | "annotations"): [string, string][] {
  const v = at(o, "metadata", which);
  return isObj(v) ? Object.entries(v).map(([k, x]): [string, string] => [k, String(x)]) : [];
}

export interface Container {
  name: string;
  /** It runs before the others. */
  init: boolean;
  image?: string;
  ready: boolean;
  /** Running, Waiting, Terminated, or Unknown before anybody has said. */
  state: "Running" | "Waiting" | "Terminated" | "Unknown";
  reason?: string;
  message?: string;
  since?: string;
  restarts: number;
  last?: { reason?: string; code?: number; signal?: number; at?: string };
  /** All is as it should be. */
  well: boolean;
}

/** The containers of a pod, with what the kubelet says of each. */
export function containersOf(pod: Obj | undefined): Container[] {
  const statuses = new Map([...list(at(pod, "status", "initContainerStatuses")), ...list(at(pod, "status", "containerStatuses"))].map((s) => [text(at(s, "name")), s]));
  const read = (c: Json, init: boolean): Container => {
    const name = text(at(c, "name")) ?? "";
    const s = statuses.get(name);
    const sidecar = init && text(at(c, "restartPolicy")) === "Always";
    const running = at(s, "state", "running");
    const waiting = at(s, "state", "waiting");
    const ended = at(s, "state", "terminated");
    const last = at(s, "lastState", "terminated");
    const done = number(at(ended, "exitCode")) === 0;
    return {
      name,
      init,
      image: text(at(s, "image")) ?? text(at(c, "image")),
      ready: at(s, "ready") === true,
      state: running ? "Running" : waiting ? "Waiting" : ended ? "Terminated" : "Unknown",
      reason: text(at(waiting, "reason")) ?? (ended ? exitOf(ended) : undefined),
      message: text(at(waiting, "message")) ?? text(at(ended, "message")),
      since: text(at(running, "startedAt")) ?? text(at(ended, "finishedAt")),
      restarts: number(at(s, "restartCount")) ?? 0,
      last: last ? { reason: text(at(last, "reason")), code: number(at(last, "exitCode")), signal: number(at(last, "signal")), at: text(at(last, "finishedAt")) } : undefined,
      well: init && !sidecar ? done : at(s, "ready") === true || done,
    };
  };
  return [...list(at(pod, "spec", "initContainers")).map((c) => read(c, true)), ...list(at(pod, "spec", "containers")).map((c) => read(c, false))];
}

function exitOf(ended: Json): string {
  const reason = text(at(ended, "reason"));
  const code = number(at(ended, "exitCode"));
  return [reason, code === undefined ? undefined : `exit code ${code}`].filter(Boolean).join(", ");
}

/** How a container ended the last time: "OOMKilled, exit code 137". */
export const lastWords = (l: NonNullable<Container["last"]>): string =>
  [l.reason, l.code === undefined ? undefined : `exit code ${l.code}`, l.signal ? `signal ${l.signal}` : undefined].filter(Boolean).join(", ");

/** What a workload wants and has, in words: "3 of 5 pods ready, 2 updated". Undefined for what is none. */
export function readiness(o: Obj | undefined): string | undefined {
  const s = (name: string) => number(at(o, "status", name));
  const pods = (ready: number, wanted: number) => `${ready} of ${wanted} ${wanted === 1 ? "pod" : "pods"} ready`;
  switch (at(o, "kind")) {
    case "Deployment":
    case "StatefulSet":
    case "ReplicaSet":
    case "ReplicationController":
    case "Rollout": {
      const wanted = number(at(o, "spec", "replicas")) ?? 1;
      const more = [];
      const updated = s("updatedReplicas");
      if (updated !== undefined && updated !== wanted) more.push(`${updated} up to date`);
      const away = s("unavailableReplicas");
      if (away) more.push(`${away} unavailable`);
      if (at(o, "spec", "paused") === true) more.push("paused");
      return [wanted === 0 ? "Scaled to none" : pods(s("readyReplicas") ?? 0, wanted), ...more].join(", ");
    }
    case "DaemonSet": {
      const wanted = s("desiredNumberScheduled") ?? 0;
      return wanted === 0 ? "No node wants a pod of it" : pods(s("numberReady") ?? 0, wanted);
    }
    case "Job": {
      const wanted = number(at(o, "spec", "completions")) ?? 1;
      return [`${s("succeeded") ?? 0} of ${wanted} completed`, s("active") ? `${s("active")} active` : "", s("failed") ? `${s("failed")} failed` : ""].filter(Boolean).join(", ");
    }
    case "PersistentVolumeClaim":
      return [text(at(o, "status", "phase")), text(at(o, "status", "capacity", "storage"))].filter(Boolean).join(", ") || undefined;
  }
  return undefined;
}

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  since?: string;
}

export function conditionsOf(o: Obj | undefined): Condition[] {
  return list(at(o, "status", "conditions")).flatMap((c) => {
    const type = text(at(c, "type"));
    if (!type) return [];
    return [{ type, status: text(at(c, "status")) ?? "Unknown", reason: text(at(c, "reason")), message: text(at(c, "message")), since: text(at(c, "lastTransitionTime")) }];
  });
}

/** The images of all containers of a pod, or of a workload's template. */
export function imagesOf(o: Obj | undefined): string[] {
  const spec = at(o, "spec", "template", "spec") ?? at(o, "spec", "jobTemplate", "spec", "template", "spec") ?? at(o, "spec");
  return [...new Set([...list(at(spec, "initContainers")), ...list(at(spec, "containers"))].flatMap((c) => text(at(c, "image")) ?? []))];
}

/** The hook's kinds and the wave, as annotations have them. */
export function orderOf(o: Obj | undefined, status: ResourceStatus | undefined, result: ResourceResult | undefined): { wave: number; hook?: string } {
  const marks = new Map(marksOf(o, "annotations"));
  const wave = Number(marks.get("argocd.argoproj.io/sync-wave") ?? marks.get("helm.sh/hook-weight") ?? status?.syncWave ?? 0);
  const hook = marks.get("argocd.argoproj.io/hook") ?? marks.get("helm.sh/hook") ?? (status?.hook ? result?.hookType || "a hook" : undefined);
  return { wave: Number.isFinite(wave) ? wave : 0, hook };
}

const plainGroups = new Set(["", "apps", "batch", "autoscaling", "policy", "extensions", "argoproj.io"]);

/** Why deleting such an object may lose data for good; undefined when it does not. */
export function holds({ key, status }: Pick<Facts, "key" | "status">): string | undefined {
  switch (key.kind) {
    case "PersistentVolumeClaim":
    case "PersistentVolume":
      return "It holds data: what its volume has may be deleted with it.";
    case "StatefulSet":
      return "It runs what keeps data, and its pods stop.";
    case "Namespace":
      return "Everything in the namespace is deleted with it, volumes too.";
    case "CustomResourceDefinition":
      return "Every object of this kind is deleted with it, in all namespaces.";
    case "Secret":
      // What Git has can be made again.
      return status && !status.requiresPruning ? undefined : "What is in it may be nowhere else.";
    case "VolumeSnapshot":
    case "VolumeSnapshotContent":
      return "It holds a copy of data.";
  }
  if (!plainGroups.has(key.group) && !key.group.endsWith(".k8s.io")) return "It is of a kind that a controller looks after, which may delete what belongs to it outside of this cluster: databases, buckets, machines.";
  return undefined;
}

/** What comes after the deletion. */
export function afterwards(facts: Facts, heals: boolean): string {
  if (facts.owners[0]) return `${facts.owners[0].kind} ${facts.owners[0].name} owns it, and makes a new one if it still wants one.`;
  if (facts.status && !facts.status.requiresPruning) return heals ? "Git has it: self-heal brings it back at once." : "Git has it: the application is OutOfSync until the next sync creates it again.";
  return "Git does not have it: nothing brings it back.";
}

const quoted = (word: string) => (/^[\w.:@%+,/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** The command that shows the object. Names come from people: what a shell would read is quoted. */
export function kubectl(verb: "get" | "describe", key: ObjectKey, version: string | undefined): string {
  const kind = key.group ? (version ? `${key.kind}.${version}.${key.group}` : `${key.kind}.${key.group}`) : key.kind;
  return ["kubectl", verb, quoted(kind.toLowerCase()), quoted(key.name), ...(key.namespace ? ["-n", quoted(key.namespace)] : []), ...(verb === "get" ? ["-o", "yaml"] : [])].join(" ");
}

/** When an event was seen last. */
export const seenAt = (e: V1Event): string | undefined => e.series?.lastObservedTime ?? e.lastTimestamp ?? e.eventTime ?? e.firstTimestamp ?? e.metadata?.creationTimestamp;

/** Newest first; of the same second, warnings first. */
export function byTime(events: readonly V1Event[]): V1Event[] {
  const time = (e: V1Event) => Math.floor(new Date(seenAt(e) ?? 0).getTime() / 1000);
  return [...events].sort((a, b) => time(b) - time(a) || Number(b.type === "Warning") - Number(a.type === "Warning"));
}

/** A JSON merge patch that makes `after` of `before`; undefined when they are equal. */
export function mergePatch(before: Json, after: Json): Json | undefined {
  if (!isObj(before) || !isObj(after)) return equal(before, after) ? undefined : after;
  const out: Obj = {};
  for (const k of Object.keys(before)) if (!Object.hasOwn(after, k)) out[k] = null;
  for (const [k, v] of Object.entries(after)) {
    if (!Object.hasOwn(before, k)) out[k] = v;
    else {
      const p = mergePatch(before[k]!, v);
      if (p !== undefined) out[k] = p;
    }
  }
  return Object.keys(out).length > 0 ? out : undefined;
}

function equal(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((v, i) => equal(v, b[i]!));
  if (isObj(a) && isObj(b)) {
    const names = Object.keys(a);
    return names.length === Object.keys(b).length && names.every((k) => Object.hasOwn(b, k) && equal(a[k]!, b[k]!));
  }
  return false;
}

/** The object as a person may change it: without what the API server writes. */
export function editable(o: Obj): Obj {
  const { status: _, metadata, ...rest } = o;
  if (!isObj(metadata)) return rest;
  const { managedFields: _m, creationTimestamp: _c, generation: _g, resourceVersion: _r, uid: _u, ...kept } = metadata;
  return { ...rest, metadata: kept };
}
