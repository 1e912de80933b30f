// Pods in groups: by the workload that they belong to, or by the node that they run on.
import type { HostInfo } from "../../types";
import { rank, type Item } from "./model";

export interface Group {
  id: string;
  /** The workload; undefined for a group by node, and for pods that nobody owns. */
  owner?: Item;
  title: string;
  /** Kind, or what is known of a node. */
  about: string;
  pods: Item[];
  states: [state: string, count: number][];
}

/** How a pod is, in one word for its shape: its health, and apart from it a pod that has done its work. */
export const stateOf = (i: Item): string => (i.pod?.reason === "Completed" || i.pod?.reason === "Succeeded" ? "Completed" : (i.health ?? "Unknown"));

export function groupPods(items: Item[], pods: Item[], by: "workload" | "node", hosts: HostInfo[] = []): Group[] {
  const byId = new Map(items.map((i) => [i.id, i]));
  const groups = new Map<string, Group>();
  const into = (id: string, make: () => Omit<Group, "id" | "pods" | "states">, pod: Item) => {
    let g = groups.get(id);
    if (!g) groups.set(id, (g = { id, pods: [], states: [], ...make() }));
    g.pods.push(pod);
  };
  const hostOf = new Map(hosts.map((h) => [h.name, h]));
  for (const pod of pods) {
    if (by === "node") {
      const node = pod.pod?.node ?? "";
      into(node, () => ({ title: node || "Not on a node yet", about: node ? sayHost(hostOf.get(node)) : "waits for the scheduler" }), pod);
    } else {
      const owner = workloadOf(pod, byId);
      into(owner?.id ?? "", () => (owner ? { owner, title: owner.key.name, about: owner.key.kind } : { title: "Pods without an owner", about: "" }), pod);
    }
  }
  for (const g of groups.values()) {
    g.pods.sort((a, b) => rank(a.health) - rank(b.health) || (a.id < b.id ? -1 : 1));
    const states = new Map<string, number>();
    for (const p of g.pods) states.set(stateOf(p), (states.get(stateOf(p)) ?? 0) + 1);
    g.states = [...states].sort(([a], [b]) => rank(a) - rank(b));
  }
  // By name and not by state, so that a group stays where it is.
  return [...groups.values()].sort((a, b) => Number(!a.id) - Number(!b.id) || (a.title < b.title ? -1 : a.title > b.title ? 1 : 0));
}

/** The topmost owner: the Deployment rather than its ReplicaSet, the CronJob rather than its Job. */
function workloadOf(pod: Item, byId: Map<string, Item>): Item | undefined {
  let owner: Item | undefined;
  const seen = new Set([pod.id]);
  for (let at = pod.parent; at !== undefined && !seen.has(at); at = byId.get(at)?.parent) {
    seen.add(at);
    const next = byId.get(at);
    if (!next) break;
    owner = next;
  }
  return owner;
}

/** Where a node is and what the application's pods ask of it: "zone-a · 200m CPU, 128 MiB". */
function sayHost(host: HostInfo | undefined): string {
  const zone = host?.labels?.["topology.kubernetes.io/zone"];
  const asks = (name: string) => host?.resourcesInfo?.find((r) => r.resourceName === name)?.requestedByApp ?? 0; // thousandths
  const cpu = asks("cpu");
  const memory = asks("memory") / 1000 / 2 ** 20;
  const parts = [cpu > 0 && (cpu % 1000 === 0 ? `${cpu / 1000} CPU` : `${cpu}m CPU`), memory > 0 && (memory >= 1024 ? `${(memory / 1024).toFixed(1)} GiB` : `${Math.round(memory)} MiB`)].filter(Boolean);
  return [zone, parts.length > 0 && `asks for ${parts.join(", ")}`].filter(Boolean).join(" · ");
}
