import { expect, test } from "vitest";
import { cleared, narrowed, nextSort, only, plainAppsSearch, scope, selectorOf, showOnly, showsOnly, toggled, validateAppsSearch } from "./search";

test("an address is read as people write it", () => {
  expect(validateAppsSearch({ sync: "OutOfSync,Unknown", health: ["Degraded"], search: 42, sort: "-created", view: "tiles", project: ["a", "a", ""], junk: "x" })).toEqual({
    sync: ["OutOfSync", "Unknown"],
    health: ["Degraded"],
    search: "42",
    sort: "-created",
    view: "tiles",
    project: ["a"],
  });
  expect(validateAppsSearch({ label: "tier in (a,b)", owner: true, view: "cubes", search: {} })).toEqual({ label: ["tier in (a,b)"], owner: ["true"] });
});

test("what is written into an address is read from it again", () => {
  const s = { sync: ["OutOfSync", "Unknown"], repo: ["https://git/a?x=1"], label: ["a=1", "b in (1,2)"], search: "web" };
  expect(plainAppsSearch(s)).toEqual({ sync: "OutOfSync,Unknown", repo: "https://git/a?x=1", label: ["a=1", "b in (1,2)"], search: "web" });
  expect(validateAppsSearch(plainAppsSearch(s) as Record<string, unknown>)).toEqual(s);
  expect(validateAppsSearch(plainAppsSearch({ label: ["b in (1,2)"] }) as Record<string, unknown>)).toEqual({ label: ["b in (1,2)"] });
});

test("filters are added, taken away and cleared", () => {
  const s = toggled(toggled({ sort: "name" }, "project", "a"), "project", "b");
  expect(s).toEqual({ sort: "name", project: ["a", "b"] });
  expect(toggled(toggled(s, "project", "a"), "project", "b")).toEqual({ sort: "name" });
  expect(only(s, "project", [])).toEqual({ sort: "name" });
  expect(cleared({ ...s, search: "x", view: "tiles" })).toEqual({ sort: "name", view: "tiles" });
  expect(narrowed({ sort: "name", view: "tiles" })).toBe(false);
  expect(narrowed({ owner: ["root"] })).toBe(true);
});

test("a figure of the summary shows exactly what it counts, and pressed again everything", () => {
  const s = { project: ["shop"], sync: ["OutOfSync"], search: "x", sort: "-name" };
  expect(scope(s)).toEqual({ project: ["shop"], search: "x" });
  const failed = showOnly(s, "operation", ["Failed", "Error"]);
  expect(failed).toEqual({ project: ["shop"], search: "x", sort: "-name", operation: ["Failed", "Error"] });
  expect(showsOnly(failed, "operation", ["Error", "Failed"])).toBe(true);
  expect(showsOnly({ ...failed, sync: ["Synced"] }, "operation", ["Error", "Failed"])).toBe(false);
  expect(showOnly(failed, "operation", ["Failed", "Error"])).toEqual({ project: ["shop"], search: "x", sort: "-name" });
});

test("columns sort one way, the other way and not", () => {
  expect([nextSort(undefined, "health"), nextSort("health", "health"), nextSort("-health", "health")]).toEqual(["health", "-health", undefined]);
  expect([nextSort("health", "created"), nextSort("-created", "created"), nextSort("created", "created")]).toEqual(["-created", "created", undefined]);
  expect([nextSort(undefined, "name"), nextSort("-name", "name")]).toEqual(["-name", undefined]);
});

test("labels of one key are alternatives", () => {
  expect(selectorOf(["team=a", "tier=web", "team=b"])).toBe("team in (a,b),tier=web");
  expect(selectorOf(["tier!=web", "a in (1,2)", "x"])).toBe("tier!=web,a in (1,2),x");
  expect(selectorOf(["x="])).toBe("x=");
  expect(selectorOf([])).toBeUndefined();
});
