import { beforeEach, expect, test } from "vitest";
import { recent, visited } from "./recent";

beforeEach(() => localStorage.clear());

test("the last one comes first, and none twice", () => {
  for (const name of ["a", "b", "a"]) visited({ namespace: "argocd", name });
  expect(recent().map((a) => a.name)).toEqual(["a", "b"]);
});

test("eight are kept", () => {
  for (let i = 0; i < 12; i++) visited({ namespace: "argocd", name: String(i) });
  expect(recent()).toHaveLength(8);
  expect(recent()[0].name).toBe("11");
});

test("what cannot be read is nothing", () => {
  localStorage.setItem("hawser.recent", "{");
  expect(recent()).toEqual([]);
  localStorage.setItem("hawser.recent", '[1, {"name": 2}, null]');
  expect(recent()).toEqual([]);
});
