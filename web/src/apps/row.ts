// What a row of the list says of an application, as values.
import { short, sourceOf } from "../app/data";
import type { Application, RevisionMetadata } from "../types";

/** Names an application within the page. */
export const keyOf = (a: Application): string => `${a.metadata?.namespace ?? ""}/${a.metadata?.name ?? ""}`;

/** The fields of an application that a row needs: those of ten thousand applications must not be read for twenty rows. */
const needed = [
  "metadata.name",
  "metadata.namespace",
  "metadata.resourceVersion",
  "metadata.creationTimestamp",
  "metadata.deletionTimestamp",
  "metadata.labels",
  "operation.initiatedBy",
  "spec.project",
  "spec.source.repoURL",
  "spec.source.targetRevision",
  "spec.source.path",
  "spec.source.chart",
  "spec.sources.repoURL",
  "spec.sources.targetRevision",
  "spec.sources.path",
  "spec.sources.chart",
  "spec.destination",
  "spec.syncPolicy.automated",
  "spec.syncPolicy.syncOptions",
  "status.sync.status",
  "status.sync.revision",
  "status.sync.revisions",
  "status.health.status",
  "status.health.message",
  "status.operationState.phase",
  "status.operationState.message",
  "status.operationState.startedAt",
  "status.operationState.finishedAt",
];
const below = (prefix: string) => needed.map((f) => prefix + f).join(",");
export const rowFields = below("items.");
export const eventFields = "result.type," + below("result.application.");

/** All that counts, filters or order depend on. While it stays the same, nobody has to be asked again. */
export function signature(a: Application): string {
  const { metadata: m, spec, status: s } = a;
  return JSON.stringify([m?.labels, m?.deletionTimestamp, a.operation !== undefined, spec, s?.sync, s?.health?.status, s?.operationState?.phase, s?.operationState?.startedAt, s?.operationState?.finishedAt]);
}

/** Syncs by itself. */
export const automated = (a: Application): boolean => {
  const auto = a.spec?.syncPolicy?.automated;
  return auto !== undefined && auto !== null && auto.enabled !== false;
};

/** The commit that the application was last compared with. */
export const revisionOf = (a: Application): string | undefined => a.status?.sync?.revision || a.status?.sync?.revisions?.find(Boolean);

/** Where it comes from, in a few words: the branch, tag or version that is followed, and what it was when last looked. */
export function followed(a: Application): { branch: string; commit: string; more: number } {
  const source = sourceOf(a);
  const branch = source?.targetRevision || "HEAD";
  const commit = short(revisionOf(a));
  return { branch, commit: commit === branch ? "" : commit, more: Math.max(0, (a.spec?.sources?.length ?? 1) - 1) };
}

export const subjectOf = (c: RevisionMetadata | undefined): string => c?.message?.split("\n", 1)[0] ?? "";

/** "Ada Lovelace <ada@example.com>" is Ada Lovelace to people. */
export const authorOf = (c: RevisionMetadata | undefined): string => c?.author?.replace(/\s*<[^>]*>$/, "") || (c?.author ?? "");

/** The last operation: its phase, and when it ended, or began while it goes on. One that was asked for and has not begun
 * is Running, too. */
export function lastOperation(a: Application): { phase: string; at?: string; message?: string } | undefined {
  const o = a.status?.operationState;
  if (a.operation && (!o || o.finishedAt)) return { phase: "Running" };
  return o?.phase ? { phase: o.phase, at: o.finishedAt ?? o.startedAt, message: o.message } : undefined;
}

/** What a cluster is called: names by server come from the list of clusters, if the reader may see it. */
export function clusterName(destination: { server?: string; name?: string } | undefined, names: ReadonlyMap<string, string>): string {
  if (!destination) return "";
  if (!destination.server) return destination.name ?? "";
  const server = destination.server.replace(/\/+$/, "");
  return names.get(server) ?? (server === "https://kubernetes.default.svc" ? "in-cluster" : server.replace(/^https:\/\//, ""));
}
