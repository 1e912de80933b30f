import { expect, test } from "vitest";
import type { ApplicationTree } from "../types";
import { lifeOf, podsOf, shortNames, waitingFor } from "./pods";

const ref = (group: string, kind: string, name: string) => ({ group, kind, name, namespace: "shop" });
const tree: ApplicationTree = {
  nodes: [
    { ...ref("apps", "Deployment", "web") },
    { ...ref("apps", "ReplicaSet", "web-1"), parentRefs: [ref("apps", "Deployment", "web")] },
    { ...ref("apps", "ReplicaSet", "web-2"), parentRefs: [ref("apps", "Deployment", "web")] },
    { version: "v1", kind: "Pod", namespace: "shop", name: "web-2-b", uid: "3", createdAt: "2026-01-02T00:00:00Z", parentRefs: [ref("apps", "ReplicaSet", "web-2")], info: [{ name: "Status Reason", value: "ImagePullBackOff" }] },
    { version: "v1", kind: "Pod", namespace: "shop", name: "web-1-a", uid: "1", createdAt: "2026-01-01T00:00:00Z", parentRefs: [ref("apps", "ReplicaSet", "web-1")], info: [{ name: "Status Reason", value: "Running" }] },
    { version: "v1", kind: "Pod", namespace: "shop", name: "other", uid: "9" },
  ],
};

test("the pods of a workload are those of all that it owns", () => {
  expect(podsOf(tree, ref("apps", "Deployment", "web")).map((p) => [p.name, lifeOf(p)])).toEqual([
    ["web-1-a", "running"],
    ["web-2-b", "waiting"],
  ]);
  expect(podsOf(tree, ref("", "Pod", "other")).map((p) => p.name)).toEqual(["other"]);
  expect(podsOf(tree, ref("", "ConfigMap", "none"))).toEqual([]);
  expect(podsOf(undefined, ref("", "Pod", "other"))).toEqual([]);
});

test("pods that own each other end, too", () => {
  const round: ApplicationTree = { nodes: [{ ...ref("", "Pod", "a"), uid: "1", parentRefs: [ref("", "Pod", "a")] }] };
  expect(podsOf(round, ref("", "Pod", "a"))).toHaveLength(1);
});

test("says what a pod waits for", () => {
  const [, broken] = podsOf(tree, ref("apps", "Deployment", "web"));
  expect(waitingFor({ ...broken, message: "not found" })).toBe(
    "The pod has not started: its image cannot be pulled (ImagePullBackOff). Check the image's name and tag, and the pull secret. Kubernetes says: not found",
  );
  expect(["Completed", "CrashLoopBackOff", "Init:0/1", "Terminating", "Evicted"].map((reason) => lifeOf({ ...broken, reason }))).toEqual(["ended", "running", "running", "running", "ended"]);
});

test("short names tell pods apart", () => {
  expect([...shortNames(["shop-d45b44665-64mmj", "shop-d45b44665-dksh6"]).values()]).toEqual(["64mmj", "dksh6"]);
  expect([...shortNames(["shop-d45-64mmj", "shop-c67-dksh6"]).values()]).toEqual(["d45-64mmj", "c67-dksh6"]);
  expect([...shortNames(["db-0", "db-1"]).values()]).toEqual(["0", "1"]);
  expect([...shortNames(["only-one"]).values()]).toEqual(["only-one"]);
  expect([...shortNames(["a", "a-b"]).values()]).toEqual(["a", "a-b"]);
});
