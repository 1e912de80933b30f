import { expect, it } from "vitest";
import { byKind, errorsOf, fieldName, fieldPath, fieldWords, findingsAt, objectChanges } from "./findings";

it("reads and writes the names of fields", () => {
  expect(fieldPath("spec.sources[1].path")).toEqual(["spec", "sources", 1, "path"]);
  expect(fieldName(["spec", "sources", 1, "path"])).toBe("spec.sources[1].path");
  expect(fieldWords("spec.sources[1].path")).toBe("source 2, path");
  expect(fieldWords("metadata.name")).toBe("name");
  expect(fieldWords("")).toBe("application");
});

it("gives a field its own findings, errors first", () => {
  const list = [
    { field: "spec.project", message: "w", warning: true },
    { field: "spec.project", message: "e" },
    { field: "spec.source.path", message: "p" },
  ];
  expect(findingsAt(list, ["spec", "project"]).map((f) => f.message)).toEqual(["e", "w"]);
  expect(findingsAt(list, ["spec"])).toEqual([]);
  expect(errorsOf(list)).toHaveLength(2);
});

it("counts objects by kind", () => {
  const o = (kind: string, name: string) => ({ kind, name });
  expect(byKind([o("Service", "a"), o("ConfigMap", "a"), o("ConfigMap", "b")]).map((k) => `${k.objects.length} ${k.kind}`)).toEqual(["2 ConfigMap", "1 Service"]);
});

it("sees what a change adds and drops", () => {
  const c = objectChanges([{ kind: "A", name: "x", group: "" }, { kind: "B", name: "x" }], [{ kind: "A", name: "x" }, { kind: "C", name: "x" }, { kind: "Job", name: "hook", hook: true }]);
  expect(c.added.map((o) => o.kind)).toEqual(["C"]);
  expect(c.dropped.map((o) => o.kind)).toEqual(["B"]);
});
