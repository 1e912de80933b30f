import { expect, test } from "vitest";
import { changed, choosable, grouped } from "./objects";
import { found } from "./Results";

const list = choosable([
  { kind: "Service", namespace: "a", name: "web", status: "OutOfSync" },
  { group: "apps", kind: "Deployment", namespace: "a", name: "web", status: "Synced" },
  { kind: "Service", namespace: "a", name: "api", status: "OutOfSync", requiresPruning: true },
  { group: "batch", kind: "Job", name: "hook", hook: true },
]);

test("hooks cannot be chosen, and the others stand by kind and name", () => {
  expect(grouped(list, "").map((g) => [g.kind, g.objects.map((o) => o.name)])).toEqual([["Deployment", ["web"]], ["Service", ["api", "web"]]]);
});

test("all words must be found", () => {
  expect(grouped(list, "serv WEB").map((g) => g.objects.map((o) => o.node))).toEqual([["/Service/a/web"]]);
  expect(grouped(list, "moon")).toEqual([]);
});

test("choosing adds and takes out", () => {
  expect(changed(["x", "y"], ["y", "z"], true)).toEqual(["x", "y", "z"]);
  expect(changed(["x", "y"], ["y"], false)).toEqual(["x"]);
});

test("results are found by any of their words", () => {
  const results = [{ kind: "Job", name: "migrate", hookType: "PreSync", message: "done" }, { kind: "Service", name: "web", message: "created" }];
  expect(found(results, "presync done").map((r) => r.name)).toEqual(["migrate"]);
  expect(found(results, " ")).toHaveLength(2);
});
