// What a draft begins with, how it leaves the page, and how a change is sent. Values in, values out.
import type { Application } from "../types";
import { same } from "./yaml";

/** The document of a new application. Nothing happens by itself until the reader says so. */
export function blank(namespace: string): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: ""
  namespace: ${namespace}
spec:
  project: default
  source:
    repoURL: ""
    path: ""
    targetRevision: HEAD
  destination:
    server: https://kubernetes.default.svc
    namespace: ""
  syncPolicy:
    syncOptions:
    - CreateNamespace=true
`;
}

// What machines note on a record: not for people to edit, and not for a copy to have.
const tracking = "argocd.argoproj.io/tracking-id";
const machines = [tracking, "kubectl.kubernetes.io/last-applied-configuration", "argocd.argoproj.io/refresh", "argocd.argoproj.io/hydrate"];

const without = (map: Record<string, string> | undefined, keys: readonly string[]) => {
  const left = Object.fromEntries(Object.entries(map ?? {}).filter(([k]) => !keys.includes(k)));
  return Object.keys(left).length > 0 ? left : undefined;
};

/** The part of a record that people decide. */
export function editable(record: Application): Application {
  const { name, namespace, labels, annotations, finalizers } = record.metadata ?? {};
  return defined({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name, namespace, labels: without(labels, []), annotations: without(annotations, machines), finalizers: finalizers?.length ? finalizers : undefined },
    spec: record.spec,
  });
}

/** A new application like another: under another name, and nobody's. */
export function copyOf(record: Application): Application {
  const e = editable(record);
  return defined({
    ...e,
    metadata: { ...e.metadata, name: `${e.metadata?.name}-copy`, labels: without(e.metadata?.labels, ["app.kubernetes.io/instance", "argocd.argoproj.io/instance"]) },
  });
}

/** Without what is undefined. */
const defined = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export interface Step {
  op: "test" | "add" | "replace" | "remove";
  path: string;
  value?: unknown;
}

/**
 * The JSON patch from one state of a record to another. It first tests that what it changes is still as it was, so that
 * a change by somebody else meanwhile is not overwritten. kept are annotations that the document does not show.
 */
export function patchOf(record: Application, before: Application, after: Application): Step[] {
  const steps: Step[] = [];
  const change = (path: string, old: unknown, now: unknown) => {
    if (same(old, now)) return;
    if (old !== undefined) steps.push({ op: "test", path, value: old });
    if (now !== undefined) steps.push({ op: "add", path, value: now });
    else if (old !== undefined) steps.push({ op: "remove", path });
  };
  change("/spec", before.spec, after.spec);
  change("/metadata/labels", before.metadata?.labels, after.metadata?.labels);
  change("/metadata/finalizers", before.metadata?.finalizers, after.metadata?.finalizers);
  const hidden = Object.fromEntries(Object.entries(record.metadata?.annotations ?? {}).filter(([k]) => machines.includes(k)));
  if (!same(before.metadata?.annotations, after.metadata?.annotations)) {
    const all = (a: Application) => ({ ...hidden, ...a.metadata?.annotations });
    const [old, now] = [all(before), all(after)];
    // Annotations are changed one by one: machines write some of them all the time.
    if (Object.keys(record.metadata?.annotations ?? {}).length === 0) steps.push({ op: "add", path: "/metadata/annotations", value: now });
    else for (const k of new Set([...Object.keys(old), ...Object.keys(now)])) change("/metadata/annotations/" + k.replaceAll("~", "~0").replaceAll("/", "~1"), (old as Record<string, string>)[k], (now as Record<string, string>)[k]);
  }
  return steps;
}

/** A command that takes the text on its standard input; the shell takes nothing in the text for its own. */
export function command(tool: "kubectl" | "hawser", text: string): string {
  let end = "EOF";
  while (text.split("\n").includes(end)) end += "_";
  return `${tool === "kubectl" ? "kubectl apply -f -" : "hawser app create -f -"} <<'${end}'\n${text.replace(/\n*$/, "\n")}${end}\n`;
}

/** namespace/name of an address, or a bare name. */
export function parseFrom(text: string | undefined, control: string): { namespace: string; name: string } | undefined {
  if (!text) return undefined;
  const [a, b] = text.split("/");
  return b ? { namespace: a!, name: b } : { namespace: control, name: a! };
}

export interface Owner {
  kind: "Application" | "ApplicationSet";
  namespace: string;
  name: string;
}

/** Whoever made the record, and would make it again: the application that tracks it, or the ApplicationSet that owns it. */
export function ownerOf(record: Application, control: string): Owner | undefined {
  const meta = record.metadata;
  const set = meta?.ownerReferences?.find((o) => o.kind === "ApplicationSet");
  if (set?.name) return { kind: "ApplicationSet", namespace: meta?.namespace ?? control, name: set.name };
  const [instance, kind, place] = (meta?.annotations?.[tracking] ?? "").split(":");
  // A mark that was copied with the record is not one of this record.
  if (!instance || !kind?.endsWith("/Application") || place !== `${meta?.namespace}/${meta?.name}`) return undefined;
  const [first, ...rest] = instance.split("_");
  return rest.length > 0 ? { kind: "Application", namespace: first!, name: rest.join("_") } : { kind: "Application", namespace: control, name: instance };
}
