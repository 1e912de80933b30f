import { expect, it } from "vitest";
import { folds } from "./folds";

it("folds what stands deeper, and lists below their key", () => {
  const lines = ["kind: A", "metadata:", "  labels:", "    a: 1", "  name: b", "spec:", "- name: x", "  image: y", "- name: z", "text: |", "  one", "", "  two", "last: 1"];
  expect([...folds(lines)].sort((a, b) => a[0] - b[0])).toEqual([[1, 5], [2, 4], [5, 9], [6, 8], [9, 13]]);
});

it("has nothing to fold in flat text", () => expect(folds(["a: 1", "b: 2", ""]).size).toBe(0));
