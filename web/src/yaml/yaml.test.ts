import { parse as parseYaml } from "yaml";
import { describe, expect, it } from "vitest";
import { linesOf, parse, toYaml, visible, withoutManagers } from "./text";
import { marked, tokens } from "./tokens";

const kinds = (text: string) => tokens(linesOf(text)).map((l) => l.filter((t) => t.kind !== "space").map((t) => `${t.kind}=${t.text}`));

describe("toYaml", () => {
  it("begins with what the object is and is called", () => {
    const text = toYaml({ status: { ready: true }, spec: { b: 1, a: 2 }, metadata: { labels: {}, namespace: "shop", name: "web" }, kind: "Deployment", apiVersion: "apps/v1" });
    expect(linesOf(text)).toEqual(["apiVersion: apps/v1", "kind: Deployment", "metadata:", "  name: web", "  namespace: shop", "  labels: {}", "spec:", "  b: 1", "  a: 2", "status:", "  ready: true"]);
  });
  it("begins items of lists with their names", () => {
    expect(toYaml({ kind: "Pod", spec: { containers: [{ image: "x", name: "web", env: [{ value: "1", name: "A" }] }] } })).toBe("kind: Pod\nspec:\n  containers:\n    - name: web\n      image: x\n      env:\n        - name: A\n          value: \"1\"\n");
  });
  it("keeps what YAML would read as something else", () => {
    const o = { kind: "ConfigMap", data: { no: "no", number: "012", long: "a\nb\n", empty: "", colon: "a: b" } };
    expect(parseYaml(toYaml(o))).toEqual(o);
  });
  it("says nothing of nothing", () => expect(toYaml(parse("null"))).toBe(""));
});

describe("parse", () => {
  it("keeps whole numbers whole", () => {
    if (JSON.parse("1", (_k, _v, c?: { source?: string }) => c?.source !== undefined)) expect(toYaml(parse('{"a":9007199254740993}'))).toBe("a: 9007199254740993\n");
  });
  it("knows no object in a list", () => expect(parse("[1]")).toBeUndefined());
});

it("leaves the managers of fields out, and nothing else", () => {
  expect(withoutManagers({ metadata: { name: "a", managedFields: [] }, spec: 1 })).toEqual({ metadata: { name: "a" }, spec: 1 });
});

it("spells out signs that nobody sees", () => {
  expect(visible("a\u202eb\u200bc\td")).toBe("a⟨U+202E⟩b⟨U+200B⟩c\td");
});

describe("tokens", () => {
  it("tells keys, texts, numbers and words apart", () => {
    expect(kinds('replicas: 3\nname: web\n"on": true\nnone: null\nat: 10:30\nempty: {}\n')).toEqual([
      ["key=replicas", "sign=:", "number=3"],
      ["key=name", "sign=:", "text=web"],
      ['key="on"', "sign=:", "word=true"],
      ["key=none", "sign=:", "word=null"],
      ["key=at", "sign=:", "text=10:30"],
      ["key=empty", "sign=:", "sign={}"],
    ]);
  });
  it("reads lists, and lists of maps", () => {
    expect(kinds("args:\n  - --port=80\n  - a: 1\n    b: 2\n")).toEqual([["key=args", "sign=:"], ["sign=- ", "text=--port=80"], ["sign=- ", "key=a", "sign=:", "number=1"], ["key=b", "sign=:", "number=2"]]);
  });
  it("knows where a block of text ends", () => {
    expect(kinds("data:\n  page: |\n    a: 1\n\n    - b\n  next: 1\n")).toEqual([["key=data", "sign=:"], ["key=page", "sign=:", "sign=|"], ["text=a: 1"], [], ["text=- b"], ["key=next", "sign=:", "number=1"]]);
    expect(kinds("- log: |-\n    a: 1\n  b: 2\n")).toEqual([["sign=- ", "key=log", "sign=:", "sign=|-"], ["text=a: 1"], ["key=b", "sign=:", "number=2"]]);
    expect(kinds("- |\n  a: 1\n- b\n")).toEqual([["sign=- ", "sign=|"], ["text=a: 1"], ["sign=- ", "text=b"]]);
  });
  it("loses no character of anything", () => {
    const nasty = ["<script>alert(1)</script>", "a:b: c", "- - - x: |", "  ", "\t- x", "'it''s': x", '"a\\": b": c', "? x", "#", "- ", "key:", "key: # why", "{a: b}", "*alias", "k: >-", " x"];
    expect(tokens(nasty).map((l) => l.map((t) => t.text).join(""))).toEqual(nasty);
  });
});

it("marks parts of tokens across their borders", () => {
  const list = tokens(["image: web:2"])[0]!;
  const out = marked(list, [{ from: 3, to: 8 }, { from: 11, to: 12 }]);
  expect(out.map((t) => t.text).join("")).toBe("image: web:2");
  expect(out.filter((t) => t.marked).map((t) => t.text)).toEqual(["ge", ":", " ", "w", "2"]);
});
