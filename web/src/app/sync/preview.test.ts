import { expect, test } from "vitest";
import type { SyncPreview, SyncPreviewStep } from "../../types";
import { buttonText, fieldsLine, sentence, totals } from "./preview";

const of = (steps: SyncPreviewStep[], onFailure: SyncPreviewStep[] = []): SyncPreview => ({
  phases: [{ phase: "Sync", waves: [{ wave: "0", steps }] }, { phase: "SyncFail", waves: [{ wave: "0", steps: onFailure }] }],
});
const step = (action: string, more: SyncPreviewStep = {}) => ({ kind: "ConfigMap", name: "a", action, ...more });

test("the sentence says what happens, in numbers", () => {
  const p = of([step("create"), step("create"), step("update", { fieldCount: 4 }), step("update", { fieldCount: 1 }), step("prune"), step("hook"), step("hook"), step("nothing"), step("keep")], [step("hook")]);
  expect(sentence(p, false)).toBe("Will create 2, change 2 (5 fields), prune 1 and run 2 hooks.");
  expect(sentence(p, true)).toBe("Would create 2, change 2 (5 fields), prune 1 and run 2 hooks.");
  expect(buttonText(p, false)).toBe("Sync 5 objects, prune 1");
  expect(buttonText(p, true)).toBe("Dry run");
  expect(totals(p).onFailure).toBe(1);
});

test("the sentence says when nothing happens", () => {
  expect(sentence(of([step("nothing"), step("keep")]), false)).toBe("Changes nothing: 1 object is as Git says. 1 object is left alone.");
  expect(sentence(of([]), false)).toBe("There is nothing to do.");
});

test("a refused step is said first", () => {
  expect(sentence(of([step("update", { fieldCount: 1, problem: "no" }), step("create")]), false)).toBe("Would fail: 1 step is refused. Otherwise it would create 1 and change 1 (1 field).");
  expect(sentence(of([step("keep", { problem: "no" })]), false)).toBe("Would fail: 1 step is refused. 1 object is left alone.");
});

test("the button says what it does", () => {
  expect(buttonText(of([step("prune"), step("prune")]), false)).toBe("Prune 2 objects");
  expect(buttonText(of([step("hook")]), false)).toBe("Run 1 hook");
  expect(buttonText(undefined, false)).toBe("Sync");
  expect(buttonText(of([step("nothing")]), false)).toBe("Sync 1 object");
});

test("fields that are not named are counted", () => {
  expect(fieldsLine({ fields: ["a", "b"], fieldCount: 5 })).toBe("a, b and 3 more");
  expect(fieldsLine({ fields: ["a"], fieldCount: 1 })).toBe("a");
  expect(fieldsLine({})).toBe("");
});
