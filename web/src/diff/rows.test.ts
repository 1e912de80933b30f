import { describe, expect, it } from "vitest";
import { count, placeOf, regions, sides, starts, words } from "./rows";

const shape = (left: string, right: string) => {
  const s = sides(left, right);
  return s.rows.map((r) => `${r.left === undefined ? "" : s.left[r.left]} ${r.same ? "=" : "|"} ${r.right === undefined ? "" : s.right[r.right]}`);
};

describe("sides", () => {
  it("puts the lines of the same field side by side", () => {
    expect(shape("a: 1\nimage: x\nports: []\nz: 1\n", "a: 1\nenvFrom: []\nimage: y\nz: 1\n")).toEqual(["a: 1 = a: 1", " | envFrom: []", "image: x | image: y", "ports: [] | ", "z: 1 = z: 1"]);
  });
  it("knows a field again when another begins the item", () => {
    expect(shape("c:\n  - image: x\n    z: 1\n", "c:\n  - env: []\n    image: y\n    z: 1\n")).toEqual(["c: = c:", " |   - env: []", "  - image: x |     image: y", "    z: 1 =     z: 1"]);
  });
  it("has all lines of a side when the other has none", () => {
    expect(shape("", "a: 1\nb: 2\n")).toEqual([" | a: 1", " | b: 2"]);
    expect(shape("a: 1\n", "")).toEqual(["a: 1 | "]);
  });
  it("shows every line once and in order, whatever the texts", () => {
    const text = (seed: number) => Array.from({ length: 60 }, (_, i) => `k${(i * seed) % 7}: ${(i * i * seed) % 5}`).join("\n");
    for (let seed = 1; seed < 12; seed++) {
      const s = sides(text(seed), text(seed + 3));
      expect(s.rows.flatMap((r) => (r.left === undefined ? [] : [r.left]))).toEqual(s.left.map((_, i) => i));
      expect(s.rows.flatMap((r) => (r.right === undefined ? [] : [r.right]))).toEqual(s.right.map((_, i) => i));
      for (const r of s.rows) if (r.same) expect(s.left[r.left!]).toBe(s.right[r.right!]);
    }
  });
  it("gives up on texts that have nothing in common, and shows both", () => {
    const long = (word: string) => Array.from({ length: 5000 }, (_, i) => `${word}${i}: 1`).join("\n");
    expect(count(sides(long("a"), long("b")).rows)).toEqual({ added: 5000, removed: 5000 });
  });
});

it("marks only the words that differ", () => {
  const left = "image: registry.example.com/shop:2.3.1";
  const right = "image: registry.example.com/shop:2.3.2-hotfix";
  const w = words(left, right);
  expect(w.left.map((m) => left.slice(m.from, m.to))).toEqual(["1"]);
  expect(w.right.map((m) => right.slice(m.from, m.to))).toEqual(["2-hotfix"]);
});

describe("regions", () => {
  const rows = (pattern: string) => [...pattern].map((c) => ({ left: 0, right: 0, same: c === "=" }));
  it("keeps some equal rows around what differs, and folds the rest", () => {
    expect(regions(rows("==========x=========="), 3)).toEqual([
      { kind: "folded", from: 0, to: 7 },
      { kind: "shown", from: 7, to: 14 },
      { kind: "folded", from: 14, to: 21 },
    ]);
  });
  it("does not fold what a fold would not shorten", () => {
    expect(regions(rows("x========x"), 3)).toEqual([{ kind: "shown", from: 0, to: 10 }]);
    expect(regions(rows("x=========x"), 3).map((r) => r.kind)).toEqual(["shown", "folded", "shown"]);
  });
  it("folds all of what is equal", () => expect(regions(rows("====="), 3)).toEqual([{ kind: "folded", from: 0, to: 5 }]));
  it("knows where each difference begins", () => expect(starts(rows("x==xx=x"))).toEqual([0, 3, 6]));
});

it("knows what a line stands below", () => {
  const lines = ["spec:", "  template:", "    spec:", "      containers:", "      - name: web", "        image: x", "        ports:", "        - containerPort: 80", "  replicas: 2"];
  expect(placeOf(lines, 5)).toBe("spec › template › spec › containers");
  expect(placeOf(lines, 7)).toBe("spec › template › spec › containers › ports");
  expect(placeOf(lines, 8)).toBe("spec");
  expect(placeOf(lines, 0)).toBe("");
});
