import { expect, test } from "vitest";
import { compareManifests, keyOf, yaml } from "./compare";

const config = (name: string, data: object) => JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop" }, data });

test("objects are known by group, kind, namespace and name", () => {
  expect(keyOf({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" } })).toEqual({ group: "apps", kind: "Deployment", namespace: "shop", name: "web" });
  expect(keyOf({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } })).toEqual({ group: "", kind: "Namespace", namespace: "", name: "shop" });
});

test("added, removed, changed, and not the order of fields", () => {
  const found = compareManifests(
    [config("same", { a: "1", b: "2" }), config("gone", {}), config("other", { x: "1" })],
    [config("new", {}), config("same", { b: "2", a: "1" }), config("other", { x: "2" })],
  );
  expect(found.map((d) => [d.key.name, d.change])).toEqual([["gone", "removed"], ["new", "added"], ["other", "changed"]]);
  expect(yaml(found[0]!.after)).toBe("");
  expect(yaml(found[2]!.after)).toContain('x: "2"');
});
