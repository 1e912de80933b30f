// What a project permits, in words, and its roles' policies between text and form.
import type { ApplicationDestination, AppProjectSpec, ClusterResourceRestrictionItem, ProjectRole, SyncWindow, V1GroupKind } from "../../types";
import { listed } from "./window";

/** "any namespace on any cluster", "namespaces shop-* on cluster prod". */
export function destinationInWords(d: ApplicationDestination): string {
  const denied = (d.namespace ?? "").startsWith("!") || (d.server ?? d.name ?? "").startsWith("!");
  const plain = (t: string | undefined) => (t ?? "").replace(/^!/, "");
  const namespace = !plain(d.namespace) ? "no namespace" : plain(d.namespace) === "*" ? "any namespace" : plain(d.namespace).includes("*") ? `namespaces ${plain(d.namespace)}` : `namespace ${plain(d.namespace)}`;
  const where = plain(d.name) || plain(d.server);
  const cluster = where === "*" ? "any cluster" : where.includes("*") ? `clusters ${where}` : `cluster ${where}`;
  return `${denied ? "not: " : ""}${namespace} on ${cluster}`;
}

export function sourceInWords(repo: string): string {
  if (repo === "*") return "any repository";
  return repo.startsWith("!") ? `not: ${repo.slice(1)}` : repo;
}

export function kindInWords(k: V1GroupKind | ClusterResourceRestrictionItem): string {
  const kind = !k.kind || k.kind === "*" ? "every kind" : k.kind;
  const group = k.group === "*" ? "of any group" : k.group ? `of ${k.group}` : "of the core group";
  const what = kind === "every kind" && k.group === "*" ? "every kind" : `${kind} ${group}`;
  return "name" in k && k.name ? `${what}, named ${k.name}` : what;
}

/** What a project says of kinds: lists that allow and lists that deny, for objects of the cluster and of namespaces. */
export function kindsInWords(spec: AppProjectSpec, scope: "cluster" | "namespace"): { words: string; kinds: string[] } {
  const allow = scope === "cluster" ? spec.clusterResourceWhitelist : spec.namespaceResourceWhitelist;
  const deny = scope === "cluster" ? spec.clusterResourceBlacklist : spec.namespaceResourceBlacklist;
  const objects = scope === "cluster" ? "objects of the cluster itself" : "objects in namespaces";
  const names = (list: (V1GroupKind | ClusterResourceRestrictionItem)[] | undefined) => (list ?? []).map(kindInWords);
  const all = allow?.some((k) => k.group === "*" && k.kind === "*");
  // Of the cluster's objects nothing is permitted unless a list says so; of a namespace's, everything.
  const base = allow?.length && !all ? `Only these ${objects}` : !allow?.length && scope === "cluster" ? `No ${objects}` : `All ${objects}`;
  const kinds = allow?.length && !all ? names(allow) : [];
  if (!deny?.length) return { words: base, kinds };
  return { words: `${base}${kinds.length ? `: ${listed(kinds)};` : ""} but not these`, kinds: names(deny) };
}

/** For which applications a window counts. */
export function windowFor(w: SyncWindow): string {
  const of = (what: string, list: string[] | undefined) => (list?.length ? (list.includes("*") ? `all ${what}` : `${what} ${listed(list)}`) : "");
  return [of("applications", w.applications), of("namespaces", w.namespaces), of("clusters", w.clusters)].filter(Boolean).join(w.andOperator ? " and at once " : " or ") || "nothing";
}

export interface Policy {
  resource: string;
  action: string;
  object: string;
  effect: "allow" | "deny";
}

/** Reads a line of a role's policies: p, proj:PROJECT:ROLE, resource, action, object, effect. */
export function parsePolicy(line: string): Policy | undefined {
  const [p, , resource, action, object, effect, more] = line.split(",").map((f) => f.trim());
  if (p !== "p" || !object || more !== undefined || (effect !== "allow" && effect !== "deny")) return undefined;
  return { resource, action, object, effect };
}

export const policyLine = (project: string, role: string, p: Policy) => ["p", `proj:${project}:${role}`, p.resource, p.action, p.object, p.effect].join(", ");

export function policyInWords(line: string): string {
  const p = parsePolicy(line);
  if (!p) return line;
  const action = p.action === "*" ? "do everything" : p.action;
  const object = /^[^/]+\/\*$/.test(p.object) ? "all" : p.object;
  return `May ${p.effect === "deny" ? "not " : ""}${action}: ${p.resource}${object === "all" ? " of the project" : `, ${object}`}`;
}

/** The actions that a role of a project may be given, by resource. */
export const roleActions: Record<string, string[]> = {
  applications: ["get", "create", "update", "delete", "sync", "rollback", "override", "action/*", "*"],
  applicationsets: ["get", "create", "update", "delete", "*"],
  repositories: ["get", "create", "update", "delete", "*"],
  clusters: ["get", "create", "update", "delete", "*"],
  logs: ["get"],
  exec: ["create"],
};

/** A role with another name: its policies speak of it by name. */
export function renamed(project: string, role: ProjectRole, name: string): ProjectRole {
  return { ...role, name, policies: role.policies?.map((line) => { const p = parsePolicy(line); return p ? policyLine(project, name, p) : line; }) };
}

/** A lifetime as people write it ("30d", "12h", empty for ever), in seconds; undefined when it is none. */
export function lifetime(text: string): number | undefined {
  const t = text.trim();
  if (t === "" || t === "0") return 0;
  const m = /^(\d{1,6})\s*(m|h|d|w|y)$/.exec(t);
  if (!m) return undefined;
  return Number(m[1]) * { m: 60, h: 3600, d: 86_400, w: 7 * 86_400, y: 365 * 86_400 }[m[2] as "m" | "h" | "d" | "w" | "y"];
}
