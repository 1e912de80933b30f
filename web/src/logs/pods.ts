// Whose log it is: the pods of an object, as the tree of the application has them.
import type { ApplicationTree, ObjectKey, ResourceNode } from "../types";

export interface Pod {
  name: string;
  namespace: string;
  uid: string;
  /** The reason as kubectl shows it: Running, Completed, ImagePullBackOff. */
  reason: string;
  /** What its health says, when it is not well. */
  message?: string;
  createdAt?: string;
}

/** The pods of an object, or the object itself when it is one; the newest last. */
export function podsOf(tree: ApplicationTree | undefined, of: ObjectKey): Pod[] {
  const nodes = tree?.nodes ?? [];
  const children = new Map<string, ResourceNode[]>();
  for (const n of nodes) {
    for (const p of n.parentRefs ?? []) {
      const key = keyOf(p);
      const list = children.get(key);
      if (list) list.push(n);
      else children.set(key, [n]);
    }
  }
  const pods = new Map<string, ResourceNode>();
  const walk = (n: ResourceNode, depth: number) => {
    if (n.kind === "Pod" && !n.group) pods.set(n.uid ?? n.name ?? "", n);
    if (depth < 10) for (const child of children.get(keyOf(n)) ?? []) walk(child, depth + 1);
  };
  const root = nodes.find((n) => keyOf(n) === keyOf(of));
  if (root) walk(root, 0);
  return [...pods.values()]
    .map((n) => ({
      name: n.name ?? "",
      namespace: n.namespace ?? "",
      uid: n.uid ?? "",
      reason: n.info?.find((i) => i.name === "Status Reason")?.value ?? "",
      message: n.health?.message,
      createdAt: n.createdAt,
    }))
    .sort((a, b) => (a.createdAt ?? "").localeCompare(b.createdAt ?? "") || a.name.localeCompare(b.name));
}

const keyOf = (n: { group?: string; kind?: string; namespace?: string; name?: string }) => [n.group ?? "", n.kind, n.namespace ?? "", n.name].join("/");

export type Life = "waiting" | "running" | "ended";

/** Whether a pod has begun, or has ended, by the reason that kubectl would show. */
export function lifeOf({ reason }: Pod): Life {
  if (/^(Completed|Succeeded|Failed|Error|Evicted|OOMKilled|DeadlineExceeded|Shutdown|NodeShutdown|ContainerCannotRun|ExitCode:\d+|Signal:\d+)$/.test(reason)) return "ended";
  if (/^(Pending|ContainerCreating|PodInitializing|SchedulingGated|ErrImage\w*|ImagePullBackOff|ImageInspectError|InvalidImageName|RegistryUnavailable|CreateContainer\w*|RunContainerError|PreCreateHookError|PreStartHookError|PostStartHookError)$/.test(reason)) return "waiting";
  return "running"; // CrashLoopBackOff, Init:1/2 and Terminating have something to say, too
}

/** Why a pod prints nothing yet, and what it waits for; empty when that is not known. */
export function waitingFor({ reason, message }: Pod): string {
  const more = message ? ` Kubernetes says: ${message}` : "";
  switch (reason) {
    case "ImagePullBackOff":
    case "ErrImagePull":
    case "ErrImageNeverPull":
    case "InvalidImageName":
    case "ImageInspectError":
    case "RegistryUnavailable":
      return `The pod has not started: its image cannot be pulled (${reason}). Check the image's name and tag, and the pull secret.${more}`;
    case "ContainerCreating":
    case "PodInitializing":
      return `The pod is starting: its containers are being created (${reason}).${more}`;
    case "CreateContainerConfigError":
      return `The pod has not started: a ConfigMap or Secret that it names is missing (${reason}).${more}`;
    case "Pending":
      return `The pod has not started: no node has taken it yet, or its images are on their way (Pending).${more}`;
    case "SchedulingGated":
      return "The pod has not started: a scheduling gate holds it back (SchedulingGated).";
    case "":
      return "";
    default:
      return `The pod has not started: ${reason}.${more}`;
  }
}

/** The parts of names that tell pods apart: without the words that all have in common at their beginning. */
export function shortNames(names: string[]): Map<string, string> {
  if (names.length < 2) return new Map(names.map((n) => [n, n]));
  const words = names.map((n) => n.split("-"));
  let same = 0;
  while (words.every((w) => w.length > same + 1 && w[same] === words[0][same])) same++;
  return new Map(names.map((n, i) => [n, words[i].slice(same).join("-")]));
}

/** How many colours there are for pods: see Logs.module.css. */
export const colours = 8;
