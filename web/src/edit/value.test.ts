import { describe, expect, it } from "vitest";
import { at, changes, compareThree, moved, option, put, sourcesOf, takeOver, withOption, withSources } from "./value";

describe("put", () => {
  it("makes what is missing on the way, and leaves the old value alone", () => {
    const old = { spec: {} };
    expect(put(old, ["spec", "syncPolicy", "automated"], {})).toEqual({ spec: { syncPolicy: { automated: {} } } });
    expect(old).toEqual({ spec: {} });
  });
  it("takes away what is empty without the field", () => {
    const v = { spec: { source: { helm: { releaseName: "x" }, path: "a" } } };
    expect(put(v, ["spec", "source", "helm", "releaseName"], undefined)).toEqual({ spec: { source: { path: "a" } } });
  });
  it("leaves automated: {} standing, because it says something", () => {
    expect(put({ spec: { syncPolicy: { automated: { prune: true } } } }, ["spec", "syncPolicy", "automated", "prune"], undefined)).toEqual({ spec: { syncPolicy: { automated: {} } } });
  });
  it("keeps an emptied item of a list in its place, and takes one away that is asked for", () => {
    expect(put({ l: [{ a: 1 }, { b: 2 }] }, ["l", 0, "a"], undefined)).toEqual({ l: [{}, { b: 2 }] });
    expect(put({ l: [1, 2] }, ["l", 0], undefined)).toEqual({ l: [2] });
  });
});

describe("sources", () => {
  it("are one or several", () => {
    expect(sourcesOf({ spec: {} })).toEqual([{ source: {}, path: ["spec", "source"] }]);
    const two = withSources({ spec: { source: { path: "a" } } }, [{ path: "a" }, { path: "b" }]);
    expect(two.spec).toEqual({ sources: [{ path: "a" }, { path: "b" }] });
    expect(sourcesOf(two)[1]!.path).toEqual(["spec", "sources", 1]);
    expect(withSources(two, [{ path: "b" }]).spec).toEqual({ source: { path: "b" } });
    expect(withSources(two, [{ ref: "b" }]).spec).toEqual({ sources: [{ ref: "b" }] });
  });
  it("move", () => expect(moved([1, 2, 3], 2, 0)).toEqual([3, 1, 2]));
});

describe("options", () => {
  it("are read and set in their place", () => {
    const list = ["A=true", "B=false"];
    expect(option(list, "B")).toBe("false");
    expect(option(list, "C")).toBeUndefined();
    expect(withOption(list, "A", "false")).toEqual(["A=false", "B=false"]);
    expect(withOption(list, "C", "true")).toEqual(["A=true", "B=false", "C=true"]);
    expect(withOption(["A=true"], "A", undefined)).toBeUndefined();
    expect(withOption(["A=true", "A=false"], "A", "true")).toEqual(["A=true"]);
  });
});

describe("changes", () => {
  it("names each field that differs", () => {
    expect(changes({ a: { b: 1, c: 2 }, l: [1] }, { a: { b: 1, c: 3 }, l: [2], n: { x: 1 } })).toEqual([
      { path: ["a", "c"], before: 2, after: 3 },
      { path: ["l"], before: [1], after: [2] },
      { path: ["n", "x"], before: undefined, after: 1 },
    ]);
    expect(changes({ a: {} }, { a: {}, b: undefined })).toEqual([]);
    expect(changes({ p: {} }, { p: { automated: {} } })).toEqual([{ path: ["p", "automated"], before: undefined, after: {} }]);
    expect(changes({ p: { automated: {} } }, { p: {} })).toEqual([{ path: ["p", "automated"], before: {}, after: undefined }]);
  });
});

describe("compareThree", () => {
  const base = { source: { revision: "main", path: "a" }, n: 1 };
  it("takes over what I left alone, and asks about the rest", () => {
    const mine = { ...base, source: { revision: "main", path: "b" } };
    const theirs = { source: { revision: "v2", path: "c" }, n: 1 };
    const merge = compareThree(base, mine, theirs);
    expect(merge.theirs).toEqual([{ path: ["source", "revision"], before: "main", after: "v2" }]);
    expect(merge.both).toEqual([{ path: ["source", "path"], before: "c", after: "b" }]);
    expect(takeOver(mine, merge.theirs)).toEqual({ source: { revision: "v2", path: "b" }, n: 1 });
  });
  it("is quiet when both did the same, and sees what was taken away", () => {
    expect(compareThree(base, { ...base, n: 2 }, { ...base, n: 2 })).toEqual({ theirs: [], both: [] });
    const m = compareThree(base, base, { source: base.source });
    expect(takeOver(base, m.theirs)).toEqual({ source: base.source });
  });
  it("does not take over into something that I took away", () => {
    const merge = compareThree(base, { n: 1 }, { ...base, source: { revision: "v2", path: "a" } });
    expect(merge.theirs).toEqual([]);
    expect(merge.both).toHaveLength(1);
  });
});

it("at", () => expect(at({ a: [{ b: 1 }] }, ["a", 0, "b"])).toBe(1));
