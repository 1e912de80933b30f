import { expect, test } from "vitest";
import { newer } from "../app/data";
import type { Application } from "../types";
import { authorOf, automated, clusterName, followed, lastOperation, signature, subjectOf } from "./row";

const sha = "4c1f2d9a4c1f2d9a4c1f2d9a4c1f2d9a4c1f2d9a";
const app = (a: Partial<Application>): Application => ({ metadata: { name: "a", namespace: "argocd" }, ...a });

test("what is followed is told in a few words", () => {
  expect(followed(app({ spec: { source: { targetRevision: "main" } }, status: { sync: { revision: sha } } }))).toEqual({ branch: "main", commit: "4c1f2d9", more: 0 });
  expect(followed(app({ spec: { source: { chart: "redis", targetRevision: "1.2.3" } }, status: { sync: { revision: "1.2.3" } } }))).toEqual({ branch: "1.2.3", commit: "", more: 0 });
  expect(followed(app({ spec: { sources: [{ chart: "x" }, { targetRevision: "v1" }] }, status: { sync: { revisions: ["", sha] } } }))).toEqual({ branch: "HEAD", commit: "4c1f2d9", more: 1 });
});

test("people are known by name, and a commit by its subject", () => {
  expect(authorOf({ author: "Ada Lovelace <ada@example.com>" })).toBe("Ada Lovelace");
  expect(authorOf({ author: "<bot@example.com>" })).toBe("<bot@example.com>");
  expect(subjectOf({ message: "Add a\n\nb" })).toBe("Add a");
  expect(subjectOf(undefined)).toBe("");
});

test("an operation that was asked for is going on", () => {
  const done = { phase: "Failed", startedAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T00:00:09Z", message: "no" };
  expect(lastOperation(app({}))).toBeUndefined();
  expect(lastOperation(app({ status: { operationState: done } }))).toEqual({ phase: "Failed", at: done.finishedAt, message: "no" });
  expect(lastOperation(app({ operation: {}, status: { operationState: done } }))).toEqual({ phase: "Running" });
  expect(lastOperation(app({ operation: {}, status: { operationState: { ...done, phase: "Running", finishedAt: undefined } } }))?.at).toBe(done.startedAt);
});

test("a change that no count, filter or order depends on has the same signature", () => {
  const a = app({ status: { sync: { status: "Synced" }, operationState: { phase: "Running", message: "one" } } });
  expect(signature({ ...a, metadata: { ...a.metadata, resourceVersion: "9" }, status: { ...a.status, operationState: { phase: "Running", message: "two" } } })).toBe(signature(a));
  expect(signature({ ...a, status: { ...a.status, sync: { status: "OutOfSync" } } })).not.toBe(signature(a));
  expect(signature({ ...a, metadata: { ...a.metadata, labels: { x: "1" } } })).not.toBe(signature(a));
});

test("an older record does not take the place of a newer one", () => {
  const at = (resourceVersion: string) => app({ metadata: { resourceVersion } });
  expect(newer(at("10"), at("9"))).toBe(true);
  expect(newer(at("9"), at("10"))).toBe(false);
  expect(newer(at("9"), undefined)).toBe(true);
});

test("automated can be turned off", () => {
  expect(automated(app({ spec: { syncPolicy: { automated: {} } } }))).toBe(true);
  expect(automated(app({ spec: { syncPolicy: { automated: { enabled: false } } } }))).toBe(false);
  expect(automated(app({ spec: { syncPolicy: {} } }))).toBe(false);
});

test("clusters are called by name where it is known", () => {
  const names = new Map([["https://1.2.3.4", "edge"]]);
  expect(clusterName({ server: "https://1.2.3.4/" }, names)).toBe("edge");
  expect(clusterName({ server: "https://kubernetes.default.svc" }, names)).toBe("in-cluster");
  expect(clusterName({ server: "https://eu.example.com:6443" }, names)).toBe("eu.example.com:6443");
  expect(clusterName({ name: "prod" }, names)).toBe("prod");
});
