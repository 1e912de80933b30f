import { describe, expect, it } from "vitest";
import type { Obj } from "../../yaml/text";
import { afterwards, byTime, conditionsOf, containersOf, editable, factsOf, failedResult, holds, imagesOf, kubectl, lastWords, mergePatch, orderOf, readiness } from "./facts";

const app = { namespace: "argocd", name: "shop" };
const tree = {
  nodes: [
    { group: "apps", version: "v1", kind: "Deployment", namespace: "shop", name: "web", uid: "d" },
    { group: "apps", version: "v1", kind: "ReplicaSet", namespace: "shop", name: "web-1", uid: "r", parentRefs: [{ group: "apps", kind: "Deployment", namespace: "shop", name: "web", uid: "d" }] },
    { version: "v1", kind: "ConfigMap", namespace: "shop", name: "new" },
  ],
  orphanedNodes: [{ version: "v1", kind: "ConfigMap", namespace: "shop", name: "stray", uid: "s" }],
};
const record = { status: { resources: [{ group: "apps", kind: "Deployment", namespace: "shop", name: "web", status: "OutOfSync" }, { kind: "ConfigMap", namespace: "shop", name: "new", version: "v1", status: "OutOfSync" }] } };
const key = (group: string, kind: string, name: string) => ({ group, kind, namespace: "shop", name });

describe("factsOf", () => {
  it("knows owners, children and what was compared", () => {
    const f = factsOf(app, record, tree, key("apps", "Deployment", "web"));
    expect([f.children.map((c) => c.name), f.status?.status, f.missing]).toEqual([["web-1"], "OutOfSync", false]);
    expect(factsOf(app, record, tree, key("apps", "ReplicaSet", "web-1")).owners[0]?.name).toBe("web");
  });
  it("knows what is missing and what is an orphan", () => {
    expect(factsOf(app, record, tree, key("", "ConfigMap", "new")).missing).toBe(true);
    expect(factsOf(app, record, tree, key("", "ConfigMap", "stray"))).toMatchObject({ orphan: true, missing: false });
  });
  it("does not claim that anything is missing before the tree is there", () => expect(factsOf(app, record, undefined, key("", "ConfigMap", "new")).missing).toBe(false));
  it("does not take a kind of another group for this one", () => expect(factsOf(app, record, tree, key("other", "Deployment", "web")).node).toBeUndefined());
});

describe("containersOf", () => {
  const pod = {
    spec: { initContainers: [{ name: "setup", image: "i" }], containers: [{ name: "web", image: "w:1" }, { name: "side", image: "s" }] },
    status: {
      initContainerStatuses: [{ name: "setup", state: { terminated: { exitCode: 0, reason: "Completed" } } }],
      containerStatuses: [
        { name: "web", ready: false, restartCount: 3, image: "w:1", state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s" } }, lastState: { terminated: { exitCode: 137, reason: "OOMKilled", finishedAt: "2026-01-01T00:00:00Z" } } },
      ],
    },
  };
  it("says of each how it is, and how it ended", () => {
    const [setup, web, side] = containersOf(pod);
    expect(setup).toMatchObject({ init: true, state: "Terminated", reason: "Completed, exit code 0", well: true });
    expect(web).toMatchObject({ state: "Waiting", reason: "CrashLoopBackOff", message: "back-off 40s", restarts: 3, well: false });
    expect(lastWords(web!.last!)).toBe("OOMKilled, exit code 137");
    expect(side).toMatchObject({ state: "Unknown", well: false });
  });
  it("has none of what is no pod", () => expect(containersOf({ kind: "ConfigMap", spec: "x" })).toEqual([]));
});

describe("readiness", () => {
  it("says what is wanted and what is there", () => {
    expect(readiness({ kind: "Deployment", spec: { replicas: 5 }, status: { readyReplicas: 3, updatedReplicas: 2, unavailableReplicas: 2 } })).toBe("3 of 5 pods ready, 2 up to date, 2 unavailable");
    expect(readiness({ kind: "Deployment", spec: { replicas: 1 }, status: { readyReplicas: 1, updatedReplicas: 1 } })).toBe("1 of 1 pod ready");
    expect(readiness({ kind: "StatefulSet", spec: { replicas: 0 } })).toBe("Scaled to none");
    expect(readiness({ kind: "DaemonSet", status: { desiredNumberScheduled: 3, numberReady: 2 } })).toBe("2 of 3 pods ready");
    expect(readiness({ kind: "Job", status: { active: 1, failed: 2 } })).toBe("0 of 1 completed, 1 active, 2 failed");
    expect(readiness({ kind: "ConfigMap" })).toBeUndefined();
  });
});

it("reads conditions and images from wherever they are", () => {
  expect(conditionsOf({ status: { conditions: [{ type: "Ready", status: "False", reason: "X", lastTransitionTime: "t" }, "nonsense"] } })).toEqual([{ type: "Ready", status: "False", reason: "X", message: undefined, since: "t" }]);
  expect(imagesOf({ spec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: "a" }, { image: "a" }, { image: "b" }] } } } } } })).toEqual(["a", "b"]);
});

it("reads wave and hook from annotations first", () => {
  expect(orderOf({ metadata: { annotations: { "argocd.argoproj.io/sync-wave": "-2", "argocd.argoproj.io/hook": "PreSync" } } }, undefined, undefined)).toEqual({ wave: -2, hook: "PreSync" });
  expect(orderOf(undefined, { hook: true, syncWave: 3 }, { hookType: "PostSync" })).toEqual({ wave: 3, hook: "PostSync" });
  expect(orderOf({ metadata: { annotations: { "argocd.argoproj.io/sync-wave": "soon" } } }, undefined, undefined).wave).toBe(0);
});

describe("deleting", () => {
  it("is thought about twice for what holds data", () => {
    expect(holds({ key: key("", "PersistentVolumeClaim", "db") })).toMatch(/data/);
    expect(holds({ key: key("postgresql.cnpg.io", "Cluster", "db") })).toMatch(/databases/);
    expect(holds({ key: key("apps", "Deployment", "web") })).toBeUndefined();
    expect(holds({ key: key("networking.k8s.io", "Ingress", "web") })).toBeUndefined();
    expect(holds({ key: key("", "Secret", "tls") })).toMatch(/nowhere else/);
    expect(holds({ key: key("", "Secret", "tls"), status: { status: "Synced" } })).toBeUndefined();
  });
  it("says what comes afterwards", () => {
    const f = factsOf(app, record, tree, key("apps", "Deployment", "web"));
    expect(afterwards(f, false)).toMatch(/next sync creates it again/);
    expect(afterwards(f, true)).toMatch(/self-heal/);
    expect(afterwards(factsOf(app, record, tree, key("apps", "ReplicaSet", "web-1")), false)).toMatch(/^Deployment web owns it/);
    expect(afterwards(factsOf(app, record, tree, key("", "ConfigMap", "stray")), false)).toMatch(/nothing brings it back/);
  });
});

describe("kubectl", () => {
  it("names the kind with its group", () => {
    expect(kubectl("get", key("apps", "Deployment", "web"), "v1")).toBe("kubectl get deployment.v1.apps web -n shop -o yaml");
    expect(kubectl("describe", { ...key("", "Node", "n1"), namespace: "" }, "v1")).toBe("kubectl describe node n1");
  });
  it("quotes what a shell would read", () => expect(kubectl("describe", key("", "Pod", "a; rm -rf $(b)'"), "v1")).toBe(`kubectl describe pod 'a; rm -rf $(b)'\\''' -n shop`));
});

it("puts the newest event first, and a warning before what was normal in the same second", () => {
  const list = byTime([
    { reason: "old", type: "Warning", lastTimestamp: "2026-01-01T00:00:00Z" },
    { reason: "normal", type: "Normal", lastTimestamp: "2026-01-01T00:00:09Z" },
    { reason: "warning", type: "Warning", eventTime: "2026-01-01T00:00:09.5Z" },
  ]);
  expect(list.map((e) => e.reason)).toEqual(["warning", "normal", "old"]);
});

describe("mergePatch", () => {
  it("says only what was changed", () => {
    expect(mergePatch({ a: 1, b: { c: 1, d: 2 }, e: [1], f: 0 }, { a: 1, b: { c: 3, d: 2 }, e: [1, 2], g: {} })).toEqual({ b: { c: 3 }, e: [1, 2], f: null, g: {} });
  });
  it("says nothing of what is equal", () => expect(mergePatch({ a: [{ b: 1 }] }, { a: [{ b: 1 }] })).toBeUndefined());
});

it("leaves out of an edit what the API server writes", () => {
  const o: Obj = { kind: "Pod", metadata: { name: "a", uid: "1", resourceVersion: "2", managedFields: [], labels: {} }, status: {} };
  expect(editable(o)).toEqual({ kind: "Pod", metadata: { name: "a", labels: {} } });
});

it("knows a failure of the last sync", () => {
  expect(failedResult({ status: "SyncFailed", message: "immutable" })).toBe("immutable");
  expect(failedResult({ status: "Synced", message: "created" })).toBeUndefined();
});
