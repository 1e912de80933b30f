import { describe, expect, it } from "vitest";
import { ignored, narrowed, patchOf, sentence, shown, split, states, steps, texts, verdict, writer } from "./compare";
import type { Json } from "../yaml/text";

const state = (o: unknown) => JSON.stringify(o);
const live = state({ kind: "ConfigMap", metadata: { name: "a", uid: "1", managedFields: [{}] }, data: { a: "1" } });
const git = state({ kind: "ConfigMap", metadata: { name: "a" }, data: { a: "2" } });
const after = state({ kind: "ConfigMap", metadata: { name: "a", uid: "1" }, data: { a: "2" } });

describe("verdict", () => {
  it("tells what is missing from what is too much", () => {
    expect(verdict({ targetState: git, liveState: "null", modified: true })).toBe("missing");
    expect(verdict({ targetState: "null", liveState: live, modified: true })).toBe("extra");
    expect(verdict({ targetState: git, liveState: live, modified: true })).toBe("differs");
    expect(verdict({ targetState: git, liveState: live })).toBe("equal");
  });
  it("claims nothing of what could not be compared", () => {
    expect(verdict({ targetState: git, liveState: live, modified: true, problem: "immutable" })).toBe("unknown");
    expect(verdict({ targetState: git, liveState: "null", refused: "not permitted" })).toBe("unknown");
  });
  it("does not call a hook that has run too much", () => expect(verdict({ targetState: "null", liveState: live, hook: true })).toBe("equal"));
  it("is said in words", () => {
    expect(sentence({ targetState: git, liveState: live, modified: true, changes: [{ path: "a" }] })).toBe("1 field differs");
    expect(sentence({ targetState: git, liveState: live, modified: true, changes: [{}, {}] })).toBe("2 fields differ");
  });
});

describe("the two sides", () => {
  it("are what is live and what a sync would make of it", () => {
    const t = texts({ targetState: git, liveState: live, normalizedLiveState: live, predictedLiveState: after, modified: true });
    expect(t.live).toBe('kind: ConfigMap\nmetadata:\n  name: a\n  uid: "1"\ndata:\n  a: "1"\n');
    expect(t.git).toBe('kind: ConfigMap\nmetadata:\n  name: a\n  uid: "1"\ndata:\n  a: "2"\n');
  });
  it("speak only of Git's fields when the API server refused", () => {
    expect(states({ targetState: git, liveState: live, normalizedLiveState: live, predictedLiveState: live, problem: "immutable" }).live).toEqual({ kind: "ConfigMap", metadata: { name: "a" }, data: { a: "1" } });
  });
  it("have nothing where there is nothing", () => {
    expect(texts({ targetState: git, liveState: "null", predictedLiveState: "null" }).live).toBe("");
    expect(texts({ targetState: "null", liveState: live, normalizedLiveState: live }).git).toBe("");
  });
});

it("narrows lists by the names of their items", () => {
  const of = { list: [{ name: "new", x: 1 }, { name: "web", image: "a", pull: "Always" }] };
  expect(narrowed(of as unknown as Json, { list: [{ name: "web", image: "b" }] })).toEqual({ list: [{ name: "new", x: 1 }, { name: "web", image: "a" }] });
});

it("shows values without quotes, and nothing of a secret", () => {
  expect(shown('"info"')).toBe("info");
  expect(shown('"hmac-sha256:6a4d5ef27f929b30"')).toBe("hidden value 6a4d5e");
  expect(shown('{"containerPort":80}')).toBe("containerPort: 80");
  expect(shown("null")).toBe("");
  expect(shown("5")).toBe("5");
});

it("names who wrote a field by the tool", () => {
  expect(writer({ manager: "kubectl-edit" })).toBe("kubectl edit");
  expect(writer({ manager: "argocd-controller", ours: true })).toBe("an earlier sync");
  expect(writer({})).toBeUndefined();
});

describe("paths", () => {
  it("are split into where they lead, and the field", () => {
    expect(split("spec.containers[name=web].image")).toEqual(["spec.containers[name=web].", "image"]);
    expect(split("replicas")).toEqual(["", "replicas"]);
    expect(split("spec.ports[containerPort=80,protocol=TCP]")).toEqual(["spec.", "ports[containerPort=80,protocol=TCP]"]);
    expect(split('metadata.annotations["a.b/c"]')).toEqual(["metadata.annotations", '["a.b/c"]']);
    expect(split("]odd[")).toEqual(["", "]odd["]);
  });
  it("are read with their quotes and choices", () => {
    expect(steps('metadata.annotations["a.b/c"]')).toEqual([{ key: "metadata" }, { key: "annotations" }, { key: "a.b/c" }]);
    expect(steps("ports[containerPort=80,protocol=TCP].name")).toEqual([{ key: "ports" }, { where: { containerPort: "80", protocol: "TCP" } }, { key: "name" }]);
    expect(steps("a[")).toBeUndefined();
  });
  it("become patches that say what Git says", () => {
    expect(patchOf({ path: "spec.replicas", git: "2", live: "5" })).toEqual({ type: "merge", patch: '{"spec":{"replicas":2}}' });
    expect(patchOf({ path: "spec.template.spec.containers[name=web].image", git: '"a:1"' })?.patch).toBe('{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"a:1"}]}}}}');
    expect(patchOf({ path: 'metadata.labels["x.y"]', live: '"1"', kind: "Added" })?.patch).toBe('{"metadata":{"labels":{"x.y":null}}}');
    expect(patchOf({ path: "ports[containerPort=80,protocol=TCP]", live: "{}", kind: "Added" })?.patch).toBe('{"ports":[{"containerPort":80,"protocol":"TCP","$patch":"delete"}]}');
  });
  it("become none where that would be wrong", () => {
    expect(patchOf({ path: "data.password", git: '"hmac-sha256:00"' })).toBeUndefined();
    expect(patchOf({ path: "spec.args[0]", git: '"x"' })).toBeUndefined();
  });
});

it("finds the rules that ignore something of an object", () => {
  const rules = [
    { group: "apps", kind: "Deployment", jsonPointers: ["/spec/replicas"] },
    { group: "*", kind: "*", managedFieldsManagers: ["kube-controller-manager"] },
    { group: "apps", kind: "Deployment", name: "other", jsonPointers: ["/spec/x"] },
  ];
  expect(ignored(rules, { group: "apps", kind: "Deployment", name: "web" })).toEqual(["/spec/replicas", "all that kube-controller-manager writes"]);
  expect(ignored(rules, { kind: "Service", name: "web" })).toEqual(["all that kube-controller-manager writes"]);
});
