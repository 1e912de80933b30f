// What an application will do, in words: the first thing that a reader of the form sees, and the last before they press.
import type { Application, ApplicationSource, Cluster } from "../types";
import { option, sourcesOf } from "./value";

/** The server that Kubernetes calls itself from inside. */
export const inCluster = "https://kubernetes.default.svc";

/** The name by which people know a destination's cluster. */
export function clusterName(to: { name?: string; server?: string } | undefined, clusters: readonly Cluster[] = []): string {
  if (to?.name) return to.name;
  if (!to?.server) return "";
  return clusters.find((c) => c.server === to.server)?.name || (to.server === inCluster ? "in-cluster" : to.server);
}

/** The last part of a repository's address: what people call it. */
export function repoName(address: string | undefined): string {
  const text = (address ?? "").replace(/\/+$/, "").replace(/\.git$/, "");
  return text.slice(Math.max(text.lastIndexOf("/"), text.lastIndexOf(":")) + 1);
}

/** Where a source is: "main of platform/services/web". */
export function sourceWords(s: ApplicationSource): string {
  if (s.chart) return `${s.targetRevision ? `${s.targetRevision} of ` : ""}chart ${s.chart} in ${repoName(s.repoURL) || "a repository"}`;
  const revision = !s.targetRevision || s.targetRevision === "HEAD" ? "the default branch" : s.targetRevision;
  const path = (s.path ?? "").replace(/^\.?\/+|\/+$|^\.$/g, "");
  return `${revision} of ${repoName(s.repoURL)}${path ? "/" + path : ""}`;
}

const complete = (s: ApplicationSource) => !!s.repoURL && !!(s.path || s.chart || s.ref);

/** What will be, in one or two sentences; what is missing, when it is not known yet. */
export function sentence(app: Application, clusters: readonly Cluster[] = []): string {
  const sources = sourcesOf(app).map((s) => s.source);
  const to = app.spec?.destination;
  const cluster = clusterName(to, clusters);
  const missing = [
    !app.metadata?.name && "a name",
    sources.some((s) => !s.repoURL) && "a repository",
    sources.some((s) => s.repoURL && !complete(s)) && "a path or a chart",
    !cluster && "a cluster",
  ].filter(Boolean) as string[];
  if (missing.length > 0) return `Still missing: ${listed(missing)}.`;

  const own = sources.filter((s) => s.path || s.chart);
  const lent = sources.filter((s) => s.ref && !s.path && !s.chart);
  const from = listed(own.map(sourceWords)) + (lent.length > 0 ? ` (with files of ${listed(lent.map(sourceWords))})` : "");
  const where = `${to?.namespace ? `namespace ${to.namespace} in ` : ""}cluster ${cluster}`;
  const policy = app.spec?.syncPolicy;
  const auto = policy?.automated;
  if (!auto || auto.enabled === false) return `Watches ${from} and says how ${where} differs from it. It changes nothing until somebody syncs.`;

  const parts = [auto.prune ? "pruning what Git drops" : "leaving what Git drops", auto.selfHeal ? "undoing what others change there" : ""].filter(Boolean);
  const more = [
    option(policy?.syncOptions, "CreateNamespace") === "true" && to?.namespace ? "It makes the namespace if it is missing." : "",
    auto.allowEmpty ? "It prunes everything if Git holds nothing." : "",
  ].filter(Boolean);
  return [`Watches ${from} and keeps ${where} equal to it, by itself, ${listed(parts)}.`, ...more].join(" ");
}

export function listed(words: string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
