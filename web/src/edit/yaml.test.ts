import { describe, expect, it } from "vitest";
import { print, rangeOf, read, replacement, write } from "./yaml";
import { put, sourcesOf, withSources } from "./value";

const text = `# who looks after it: the web team
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web # short
  annotations: {note: "yes"}
spec:
  project: default
  source:
    # the platform's repository
    repoURL: https://git.example.com/acme/platform.git
    path: services/web # see README
    targetRevision: main
    helm:
      values: |
        replicas: 3
      fieldOfTomorrow: [1, 2]
  destination:
    server: https://kubernetes.default.svc
    namespace: web
  syncPolicy:
    automated: {}
    syncOptions:
    - CreateNamespace=true   # the namespace is ours
    - PruneLast=true
`;

const value = () => {
  const r = read(text);
  if (r.fault) throw new Error(r.fault.message);
  return r.value;
};
/** The lines that differ: "-old" and "+new". */
const diff = (after: string) => {
  const [a, b] = [text.split("\n"), after.split("\n")];
  return [...a.filter((l) => !b.includes(l)).map((l) => "-" + l.trim()), ...b.filter((l) => !a.includes(l)).map((l) => "+" + l.trim())];
};

describe("write", () => {
  it("leaves a text to the character when nothing changes", () => {
    expect(write(text, value())).toBe(text);
  });
  it("changes one line, and keeps its comment", () => {
    expect(diff(write(text, put(value(), ["spec", "source", "path"], "services/shop")))).toEqual(["-path: services/web # see README", "+path: services/shop # see README"]);
  });
  it("keeps fields that the form does not know, and the way lists are indented", () => {
    const after = write(text, put(value(), ["spec", "destination", "namespace"], "shop"));
    expect(after).toContain("fieldOfTomorrow: [1, 2]");
    expect(after).toContain("\n    syncOptions:\n    - CreateNamespace=true   # the namespace is ours\n");
    expect(after).toContain("values: |\n        replicas: 3\n");
  });
  it("takes away what is undefined, and adds fields where people expect them", () => {
    const less = write(text, put(value(), ["spec", "source", "helm"], undefined));
    expect(less).not.toContain("helm");
    const more = write(less, put(put(value(), ["spec", "source", "helm"], undefined), ["spec", "revisionHistoryLimit"], 3));
    expect(more.trimEnd().endsWith("revisionHistoryLimit: 3")).toBe(true);
    expect(write(text, put(value(), ["spec", "syncPolicy", "automated", "prune"], true))).toContain("automated:\n      prune: true\n");
    const labelled = write(text, put(value(), ["metadata", "labels", "team"], "web"));
    expect(labelled).toMatch(/name: web # short\n {2}labels:\n {4}team: web\n {2}annotations:/);
  });
  it("moves a source among several with its comments", () => {
    const two = withSources(value(), [value().spec!.source!, { repoURL: "https://git.example.com/acme/values.git", ref: "values" }]);
    const after = write(text, two);
    expect(after).toContain("  sources:\n");
    expect(after).toContain("# the platform's repository");
    expect(after).toContain("path: services/web # see README");
    expect(after).not.toMatch(/\n {2}source:/);
    expect(read(after).value).toEqual(two);
    const swapped = withSources(two, [...two.spec!.sources!].reverse());
    expect(write(after, swapped)).toContain("path: services/web # see README");
    const back = withSources(two, [two.spec!.sources![0]!]);
    const one = write(after, back);
    expect(one).toContain("# the platform's repository");
    expect(read(one).value).toEqual(value());
  });
  it("quotes what other readers of YAML take for true", () => {
    expect(write(text, put(value(), ["metadata", "labels"], { on: "yes", team: "1" }))).toMatch(/"on": "yes"\n {4}team: "1"/);
  });
  it("writes many lines as a block", () => {
    const after = write(text, put(value(), ["spec", "source", "helm", "values"], "a: 1\nb:\n  c: 2\n"));
    expect(after).toContain("values: |\n        a: 1\n        b:\n          c: 2\n");
    expect(read(write(after, put(value(), ["spec", "source", "helm", "values"], "x"))).value!.spec!.source!.helm!.values).toBe("x");
  });
  it("fills what stands empty", () => {
    expect(write('name: ""\nother: "x"\n', { name: "web", other: "y" })).toBe('name: web\nother: "y"\n');
    const after = write("metadata:\n  name:\nspec:\n", { metadata: { name: "x" }, spec: { project: "p" } });
    expect(read(after).value).toEqual({ metadata: { name: "x" }, spec: { project: "p" } });
  });
});

describe("read", () => {
  it("says where a text is wrong", () => {
    const r = read("a: 1\nb: [1\nc: 2\n");
    expect(r.fault?.line).toBeGreaterThan(1);
    expect(read("- a\n").fault?.message).toContain("An application is expected");
    expect(read("a: 1\n---\nb: 2\n").fault?.message).toContain("One application at a time");
    expect(read("a: 1\na: 2\n").fault).toBeDefined();
  });
});

describe("rangeOf", () => {
  const cut = (path: (string | number)[]) => {
    const r = rangeOf(text, path);
    return r && text.slice(r.from, r.to);
  };
  it("finds a field, or what is around it", () => {
    expect(cut(["spec", "source", "path"])).toBe("path: services/web");
    expect(cut(["spec", "source", "chart"])).toBe("source");
    expect(cut(["spec", "syncPolicy", "syncOptions", 1])).toBe("PruneLast=true");
    expect(cut(["status"])).toBeUndefined();
  });
});

describe("replacement", () => {
  it("is as small as it can be", () => {
    expect(replacement("path: a/b\nx", "path: a/c\nx")).toEqual({ from: 8, to: 9, insert: "c" });
    expect(replacement("aa", "aaa")).toEqual({ from: 2, to: 2, insert: "a" });
    expect(replacement("", "x")).toEqual({ from: 0, to: 0, insert: "x" });
    const [a, b] = ["abcabc", "abc"];
    const r = replacement(a, b);
    expect(a.slice(0, r.from) + r.insert + a.slice(r.to)).toBe(b);
  });
});

describe("print", () => {
  it("writes a value that is read back", () => {
    expect(print({ a: { b: [] , c: [{ d: 1 }] } })).toBe("a:\n  b: []\n  c:\n  - d: 1\n");
    expect(sourcesOf(read(print(value())).value!)[0]!.source.path).toBe("services/web");
  });
});
