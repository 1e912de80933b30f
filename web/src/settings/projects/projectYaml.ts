// A project as text and back. What the server keeps itself (status, versions, tokens) is not part of what is edited.
import { parse, stringify } from "yaml";
import type { AppProject, AppProjectSpec } from "../../types";

/** The part of a project that its people decide. */
export function editable(p: AppProject): AppProject {
  const { name, labels, annotations, finalizers } = p.metadata ?? {};
  const spec: AppProjectSpec = structuredClone(p.spec ?? {});
  for (const role of spec.roles ?? []) delete role.jwtTokens;
  return { metadata: withoutEmpty({ name, labels, annotations, finalizers }), spec };
}

export const yamlOf = (p: AppProject): string => stringify({ apiVersion: "argoproj.io/v1alpha1", kind: "AppProject", ...tidy(p) }, { lineWidth: 0 });

/** Reads what was written; wrong says in words what keeps it from being a project. */
export function readProject(text: string): { project?: AppProject; wrong?: string } {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 50 });
  } catch (e) {
    return { wrong: e instanceof Error ? e.message.split("\n")[0] : String(e) };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { wrong: "it has no fields" };
  const { kind, metadata, spec } = value as { kind?: unknown; metadata?: AppProject["metadata"]; spec?: AppProjectSpec };
  if (kind !== undefined && kind !== "AppProject") return { wrong: `its kind is ${String(kind)}, not AppProject` };
  if (typeof metadata?.name !== "string") return { wrong: "metadata.name is missing" };
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) return { wrong: "spec is missing" };
  return { project: { metadata, spec } };
}

/** Without rows in which nothing was written. */
export function tidy(p: AppProject): AppProject {
  const s = p.spec ?? {};
  const spec: AppProjectSpec = {
    ...s,
    sourceRepos: filled(s.sourceRepos),
    destinations: rows(s.destinations, (d) => d.server || d.name || d.namespace),
    clusterResourceWhitelist: rows(s.clusterResourceWhitelist, (k) => k.group || k.kind)?.map(withGroup),
    clusterResourceBlacklist: rows(s.clusterResourceBlacklist, (k) => k.group || k.kind)?.map(withGroup),
    namespaceResourceWhitelist: rows(s.namespaceResourceWhitelist, (k) => k.group || k.kind)?.map(withGroup),
    namespaceResourceBlacklist: rows(s.namespaceResourceBlacklist, (k) => k.group || k.kind)?.map(withGroup),
    destinationServiceAccounts: rows(s.destinationServiceAccounts, (a) => a.server || a.namespace || a.defaultServiceAccount),
    signatureKeys: rows(s.signatureKeys, (k) => k.keyID),
  };
  return { ...p, spec: withoutEmpty(spec) };
}

const filled = (list: string[] | undefined) => list?.map((v) => v.trim()).filter(Boolean);
const rows = <T>(list: T[] | undefined, has: (row: T) => unknown) => list?.filter(has);
// The core group is the empty text, which Kubernetes wants to see written.
const withGroup = <T extends { group?: string }>(k: T): T => ({ ...k, group: k.group ?? "" });

function withoutEmpty<T extends object>(o: T): T {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined && !(Array.isArray(v) && v.length === 0))) as T;
}
