// The objects of an application as the topology shows them: what is in the cluster (the tree) joined with what Hawser
// compared and did (the record).
import type { Application, ApplicationTree, AppName, ObjectKey, ResourceNetworkingInfo, ResourceNode, ResourceResult, ResourceStatus } from "../../types";
import { nodeOf } from "../search";

export interface Item {
  /** group/kind/namespace/name, as the address has it. It outlives the object: one that is made again keeps its place. */
  id: string;
  key: ObjectKey;
  /** The id of its owner, when that is shown, too. */
  parent?: string;
  created?: string;
  /** Undefined for objects whose health nobody judges, such as a ConfigMap. */
  health?: string;
  /** Why the health is so. */
  reason?: string;
  /** Only what Git is compared with has it. */
  sync?: string;
  /** The type of the hook: PreSync. */
  hook?: string;
  wave?: number;
  prune: boolean;
  /** In the application's namespaces, and of no application. */
  orphaned: boolean;
  /** What the last sync said when it could not apply it. */
  failed?: string;
  pod?: Pod;
  /** Of a ReplicaSet, or of what has them. */
  revision?: number;
  images: string[];
  network?: ResourceNetworkingInfo;
  /** It is an application that this Hawser looks after, with a screen of its own. */
  app?: AppName;
}

export interface Pod {
  /** In the words of kubectl: Running, ImagePullBackOff. */
  reason: string;
  ready: string;
  restarts: number;
  node: string;
}

/** All objects of an application; the orphaned ones last. */
export function itemsOf(record: Application, tree: ApplicationTree): Item[] {
  const compared = new Map<string, ResourceStatus>();
  for (const r of record.status?.resources ?? []) compared.set(idOf(r), r);
  const results = new Map<string, ResourceResult>();
  for (const r of record.status?.operationState?.syncResult?.resources ?? []) results.set(idOf(r), r);
  const here = inThisCluster(record);

  const byUid = new Map<string, string>();
  const known = new Set<string>();
  const nodes = [...(tree.nodes ?? []), ...(tree.orphanedNodes ?? [])];
  for (const n of nodes) {
    known.add(idOf(n));
    if (n.uid) byUid.set(n.uid, idOf(n));
  }
  const strays = new Set(tree.orphanedNodes ?? []);
  const items: Item[] = [];
  const seen = new Set<string>();
  for (const n of nodes) {
    const id = idOf(n);
    if (seen.has(id)) continue;
    seen.add(id);
    const ref = n.parentRefs?.[0];
    const parent = ref && ((ref.uid && byUid.get(ref.uid)) || (known.has(idOf(ref)) ? idOf(ref) : undefined));
    items.push(itemOf(n, parent === id ? undefined : parent, strays.has(n), compared.get(id), results.get(id), here));
  }
  // What was compared and is not in the tree still belongs to the picture, above all while the tree is incomplete.
  for (const [id, r] of compared) if (!seen.has(id)) items.push(itemOf(r, undefined, false, r, results.get(id), here));
  return items;
}

function itemOf(n: ResourceNode, parent: string | undefined, orphaned: boolean, compared: ResourceStatus | undefined, result: ResourceResult | undefined, here: boolean): Item {
  const key = keyOf(n);
  const facts = new Map((n.info ?? []).map((f) => [f.name, f.value ?? ""]));
  return {
    id: nodeOf(key),
    key,
    parent,
    created: n.createdAt,
    health: n.health?.status || compared?.health?.status || undefined,
    reason: n.health?.message || compared?.health?.message || undefined,
    sync: compared && !compared.hook ? compared.status || undefined : undefined,
    hook: result?.hookType || (compared?.hook ? "Hook" : undefined),
    wave: compared?.syncWave,
    prune: !!compared?.requiresPruning,
    orphaned,
    failed: result && (result.status === "SyncFailed" || result.hookPhase === "Failed" || result.hookPhase === "Error") ? result.message || "It failed." : undefined,
    pod: key.kind === "Pod" && key.group === "" ? { reason: facts.get("Status Reason") ?? "", ready: facts.get("Containers") ?? "", restarts: Number(facts.get("Restart Count") ?? 0) || 0, node: facts.get("Node") ?? "" } : undefined,
    revision: Number(/^Rev:(\d+)$/.exec(facts.get("Revision") ?? "")?.[1]) || undefined,
    images: n.images ?? [],
    network: n.networkingInfo,
    app: here && key.kind === "Application" && key.group === "argoproj.io" ? { namespace: key.namespace, name: key.name } : undefined,
  };
}

const keyOf = (n: { group?: string; kind?: string; namespace?: string; name?: string }): ObjectKey => ({ group: n.group ?? "", kind: n.kind ?? "", namespace: n.namespace ?? "", name: n.name ?? "" });
const idOf = (n: { group?: string; kind?: string; namespace?: string; name?: string }) => nodeOf(keyOf(n));

/** Applications that are put into another cluster are looked after by the Hawser there. */
function inThisCluster(record: Application): boolean {
  const { server, name } = record.spec?.destination ?? {};
  return server === "https://kubernetes.default.svc" || name === "in-cluster";
}

/** From worst to best; what has no health comes last. */
export const healths = ["Degraded", "Missing", "Progressing", "Unknown", "Suspended", "Healthy"] as const;

/** 0 is worst. */
export const rank = (health: string | undefined) => {
  const at = healths.indexOf(health as (typeof healths)[number]);
  return at < 0 ? healths.length : at;
};

/** Somebody should see it: it is not well, differs, is about to go, or could not be applied. */
export const noteworthy = (i: Item) => rank(i.health) < rank("Healthy") || i.sync === "OutOfSync" || i.prune || !!i.failed;

/** What is true of an object, in one line for screen readers: "Deployment shop, Healthy, Synced". */
export function sayItem(i: Item): string {
  return [
    `${i.key.kind} ${i.key.name}`,
    i.health,
    i.sync,
    i.pod?.reason && i.pod.reason !== "Running" && i.pod.reason,
    i.pod?.ready && `${i.pod.ready.replace("/", " of ")} containers ready`,
    i.pod?.restarts && `${i.pod.restarts} restarts`,
    i.hook && `${i.hook === "Hook" ? "" : i.hook + " "}hook`,
    i.prune && "to be pruned",
    i.orphaned && "orphaned",
    i.failed && "failed to sync",
  ]
    .filter(Boolean)
    .join(", ");
}

/** What of an object a reader would want to be told when it changes. */
export const signature = (i: Item) => [i.health, i.sync, i.pod?.reason, i.pod?.ready, i.pod?.restarts, i.prune, i.revision, i.failed].join("|");

export interface Above {
  /** The application that this one is an object of. */
  app?: AppName;
  /** The ApplicationSet that made it. */
  set?: string;
}

/** Who made this application, when Hawser did: by its owner, or by the mark that every object of an application carries. */
export function above(record: Application, control: string): Above {
  const { metadata } = record;
  const owner = metadata?.ownerReferences?.find((o) => o.apiVersion?.startsWith("argoproj.io/"));
  if (owner?.kind === "ApplicationSet") return { set: owner.name };
  const namespace = metadata?.namespace ?? control;
  if (owner?.kind === "Application" && owner.name) return { app: { namespace, name: owner.name } };
  // name:group/kind:namespace/name. The rest must be this application itself: an annotation may have been copied.
  const mark = metadata?.annotations?.["argocd.argoproj.io/tracking-id"] ?? "";
  const colon = mark.indexOf(":");
  if (colon < 1 || mark.slice(colon + 1) !== `argoproj.io/Application:${namespace}/${metadata?.name}`) return {};
  const [first, ...rest] = mark.slice(0, colon).split("_");
  const app = rest.length > 0 ? { namespace: first, name: rest.join("_") } : { namespace: control, name: first };
  return app.name === metadata?.name && app.namespace === namespace ? {} : { app };
}
