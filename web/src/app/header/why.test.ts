import { expect, test } from "vitest";
import type { Application, ApplicationTree } from "../../types";
import { nodeOfWord, personOf, signature, toneOfState, valueOf } from "./why";

const record = (): Application => ({
  metadata: { name: "web", resourceVersion: "1" },
  spec: { syncPolicy: {} },
  status: { sync: { status: "Synced", revision: "a" }, health: { status: "Healthy" }, reconciledAt: "2026-11-23T12:00:00Z", resources: [{ kind: "Service", name: "web", status: "Synced" }] },
});
const tree = (health: string): ApplicationTree => ({ nodes: [{ kind: "Pod", name: "p", uid: "1", resourceVersion: "5", health: { status: health } }] });

test("a look that found nothing new asks for no new sentence", () => {
  const later = record();
  later.metadata!.resourceVersion = "2";
  later.status!.reconciledAt = "2026-11-23T12:03:00Z";
  expect(signature(later, tree("Healthy"))).toBe(signature(record(), tree("Healthy")));
});

test.each<[string, (a: Application) => void]>([
  ["sync", (a) => (a.status!.sync!.status = "OutOfSync")],
  ["an object", (a) => (a.status!.resources![0].status = "OutOfSync")],
  ["one object more", (a) => a.status!.resources!.push({ kind: "ConfigMap", name: "c", status: "Synced" })],
  ["an operation's words", (a) => (a.status!.operationState = { phase: "Running", message: "waiting" })],
  ["a condition", (a) => (a.status!.conditions = [{ type: "SyncError", message: "no" }])],
  ["automatic sync", (a) => (a.spec!.syncPolicy!.automated = {})],
])("a change of %s asks anew", (_, change) => {
  const changed = record();
  change(changed);
  expect(signature(changed, tree("Healthy"))).not.toBe(signature(record(), tree("Healthy")));
});

test("a pod's health asks anew", () => {
  expect(signature(record(), tree("Degraded"))).not.toBe(signature(record(), tree("Healthy")));
});

test("a state that is not known looks unknown", () => {
  expect(toneOfState("Failed")).toBe("degraded");
  expect(toneOfState("New")).toBe("unknown");
  expect(toneOfState(undefined)).toBe("unknown");
});

test("values are read as people write them", () => {
  expect([undefined, '"info"', "2", '""', "{broken", '{"a":1}'].map(valueOf)).toEqual(["nothing", "info", "2", "an empty text", "{broken", '{"a":1}']);
});

test("an object of the core group has an empty group in the address", () => {
  expect(nodeOfWord({ kind: "ConfigMap", namespace: "shop", name: "settings" })).toBe("/ConfigMap/shop/settings");
});

test("a person is a name", () => {
  expect(["Ada Lovelace <ada@example.com>", "<ada@example.com>", "ada", undefined].map(personOf)).toEqual(["Ada Lovelace", "<ada@example.com>", "ada", ""]);
});
