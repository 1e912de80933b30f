import { expect, test } from "vitest";
import { choose, named, optionsFor } from "./selection";

const app = (name: string) => ({ metadata: { name, namespace: "argocd" }, spec: { syncPolicy: { syncOptions: ["CreateNamespace=true"] } } });

test("applications are chosen and let go", () => {
  const two = choose(new Map(), [app("a"), app("b")], true);
  expect([...two.keys()]).toEqual(["argocd/a", "argocd/b"]);
  expect(two.get("argocd/a")).toEqual({ namespace: "argocd", name: "a", project: "default", syncOptions: ["CreateNamespace=true"] });
  expect([...choose(two, [app("a"), app("c")], false).keys()]).toEqual(["argocd/b"]);
  expect(two.size).toBe(2);
});

test("an application's own options stay, but for those that are chosen now", () => {
  expect(optionsFor(["CreateNamespace=true", "ServerSideApply=false"], ["ServerSideApply=true"])).toEqual(["CreateNamespace=true", "ServerSideApply=true"]);
  expect(optionsFor([], [])).toEqual([]);
});

test("many names are told by a few", () => {
  const names = (...n: string[]) => named(n.map((name) => ({ name })));
  expect(names("a")).toBe("a");
  expect(names("a", "b", "c")).toBe("a, b and c");
  expect(names("a", "b", "c", "d")).toBe("a, b and 2 more");
});
