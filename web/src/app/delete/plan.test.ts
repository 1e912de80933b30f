import { expect, test } from "vitest";
import { goingOf, request } from "./plan";

test("what goes", () => {
  const going = goingOf(
    {
      status: {
        resources: [
          { kind: "Service", name: "a" },
          { kind: "ConfigMap", name: "a" },
          { kind: "ConfigMap", name: "b" },
          { kind: "ConfigMap", name: "missing", health: { status: "Missing" } },
          { group: "argoproj.io", kind: "Application", name: "child" },
        ],
      },
    },
    { nodes: [{ kind: "Service", name: "a" }, { kind: "Pod", name: "p", parentRefs: [{ kind: "ReplicaSet", name: "r" }] }] },
  );
  expect(going).toEqual({ own: [{ kind: "ConfigMap", count: 2 }, { kind: "Application", count: 1 }, { kind: "Service", count: 1 }], total: 4, owned: 1, applications: ["child"] });
});

test("a question that leaves the objects says so", () => {
  // false would be left out of the address, and the server would delete the objects
  expect(request("leave")).toEqual({ cascade: "false" });
  expect(request("background")).toEqual({ cascade: "true", propagationPolicy: "background" });
});
