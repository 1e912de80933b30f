import { expect, it } from "vitest";
import type { Application } from "../types";
import { blank, command, copyOf, editable, ownerOf, parseFrom, patchOf } from "./start";
import { read } from "./yaml";

const record: Application = {
  apiVersion: "argoproj.io/v1alpha1",
  metadata: {
    name: "web", namespace: "argocd", uid: "1", resourceVersion: "7", labels: { team: "web" },
    annotations: { "argocd.argoproj.io/tracking-id": "platform:argoproj.io/Application:argocd/web", "kubectl.kubernetes.io/last-applied-configuration": "{}", note: "x" },
  },
  spec: { project: "shop", source: { repoURL: "r", path: "a" } },
  status: { sync: { status: "Synced" } },
};

it("begins with a document that can be read", () => {
  expect(read(blank("argocd")).value).toMatchObject({ metadata: { name: "", namespace: "argocd" }, spec: { project: "default" } });
});

it("shows what people decide, and copies without what is another's", () => {
  const e = editable(record);
  expect(e.status).toBeUndefined();
  expect(e.metadata).toEqual({ name: "web", namespace: "argocd", labels: { team: "web" }, annotations: { note: "x" } });
  expect(copyOf(record).metadata).toEqual({ name: "web-copy", namespace: "argocd", labels: { team: "web" }, annotations: { note: "x" } });
});

it("changes what is changed, if it is still as it was", () => {
  const before = editable(record);
  const after = { ...before, spec: { ...before.spec, source: { repoURL: "r", path: "b" } } };
  expect(patchOf(record, before, after)).toEqual([
    { op: "test", path: "/spec", value: before.spec },
    { op: "add", path: "/spec", value: after.spec },
  ]);
  expect(patchOf(record, before, before)).toEqual([]);
});

it("leaves alone the annotations that it does not show", () => {
  const before = editable(record);
  const after = { ...before, metadata: { ...before.metadata, annotations: { "a/b~c": "1" }, labels: undefined } };
  const steps = patchOf(record, before, after);
  expect(steps).toContainEqual({ op: "add", path: "/metadata/annotations/a~1b~0c", value: "1" });
  expect(steps).toContainEqual({ op: "remove", path: "/metadata/annotations/note" });
  expect(steps).toContainEqual({ op: "remove", path: "/metadata/labels" });
  expect(steps.some((s) => /last-applied|tracking/.test(s.path))).toBe(false);
});

it("knows whose the record is", () => {
  expect(ownerOf(record, "argocd")).toEqual({ kind: "Application", namespace: "argocd", name: "platform" });
  expect(ownerOf({ metadata: { ...record.metadata, name: "other" } }, "argocd")).toBeUndefined();
  const far = { ...record.metadata, annotations: { "argocd.argoproj.io/tracking-id": "team_parent:argoproj.io/Application:argocd/web" } };
  expect(ownerOf({ metadata: far }, "argocd")).toEqual({ kind: "Application", namespace: "team", name: "parent" });
  expect(ownerOf({ metadata: { name: "x", namespace: "argocd", ownerReferences: [{ kind: "ApplicationSet", name: "all" }] } }, "argocd")).toEqual({ kind: "ApplicationSet", namespace: "argocd", name: "all" });
});

it("writes commands that the shell leaves alone", () => {
  expect(command("kubectl", "a: $(rm)\n\n")).toBe("kubectl apply -f - <<'EOF'\na: $(rm)\nEOF\n");
  expect(command("hawser", "x: |\nEOF\n")).toBe("hawser app create -f - <<'EOF_'\nx: |\nEOF\nEOF_\n");
});

it("reads the application to copy", () => {
  expect(parseFrom("argocd/web", "c")).toEqual({ namespace: "argocd", name: "web" });
  expect(parseFrom("web", "c")).toEqual({ namespace: "c", name: "web" });
  expect(parseFrom(undefined, "c")).toBeUndefined();
});
