import { expect, test } from "vitest";
import type { Application } from "../../types";
import { compareTab, entriesOf, holdOf, parseMode, revertCommands } from "./history";

const a = "a".repeat(40);
const b = "b".repeat(40);
const record = (more: object = {}, annotations: Record<string, string> = {}): Application => ({
  metadata: { name: "web", annotations },
  status: {
    history: [
      { revision: a, deployedAt: "2026-11-23T10:00:00Z", initiatedBy: { username: "ada" } },
      { id: 1, revision: b, deployStartedAt: "2026-11-23T11:00:00Z", deployedAt: "2026-11-23T11:00:09Z", initiatedBy: { automated: true } },
    ],
    ...more,
  },
});

test("deployments, newest first", () => {
  const entries = entriesOf(record());
  expect(entries.map((e) => [e.id, e.by, e.result, e.before])).toEqual([
    [1, "automatic sync", "current", [a]],
    [0, "ada", "past", undefined],
  ]);
});

test("a sync that failed stands above what is deployed", () => {
  const [first, second] = entriesOf(record({ operationState: { phase: "Failed", message: "no", syncResult: { revision: b }, operation: { initiatedBy: { username: "eve" } } } }));
  expect([first!.result, first!.by, first!.message, first!.id, first!.before]).toEqual(["failed", "eve", "no", undefined, [b]]);
  expect(second!.result).toBe("current");
});

test("a deployment of what was deployed before the last one went back", () => {
  const of = (...revisions: string[]) => entriesOf({ status: { history: revisions.map((revision, id) => ({ id, revision })) } }).map((e) => e.backTo);
  expect(of(a, b, a)).toEqual([0, undefined, undefined]);
  expect(of(a, a, a)).toEqual([undefined, undefined, undefined]); // synced again
  expect(of(a, b, b, a, b)).toEqual([2, 0, undefined, undefined, undefined]);
});

test("a dry run deploys nothing", () => {
  expect(entriesOf(record({ operationState: { phase: "Failed", operation: { sync: { dryRun: true } } } }))).toHaveLength(2);
});

test("a sync that runs", () => {
  expect(entriesOf(record({ operationState: { phase: "Running", operation: { sync: { revision: b } } } }))[0]).toMatchObject({ result: "running", revisions: [b] });
});

test("what it is held at", () => {
  const held = record({}, { "hawser.dev/hold": JSON.stringify({ instead: [a], commits: [b], by: "ada" }) });
  expect(entriesOf(held)[0]!.result).toBe("held");
  expect(holdOf(held)!.by).toBe("ada");
  for (const bad of ["{", "[]", "{}", '{"instead":1}']) expect(holdOf(record({}, { "hawser.dev/hold": bad }))).toBeUndefined();
});

test("several sources have several revisions", () => {
  expect(entriesOf({ status: { history: [{ revisions: [a, b], sources: [{ path: "x" }, { path: "y" }] }] } })[0]).toMatchObject({ revisions: [a, b], sources: [{ path: "x" }, { path: "y" }] });
});

test("what the address says", () => {
  expect(parseMode(compareTab(5, 3))).toEqual({ kind: "compare", from: 3, to: 5 });
  expect(parseMode("rollback-0")).toEqual({ kind: "rollback", to: 0 });
  for (const other of [undefined, "", "3..3", "3..", "rollback-", "summary"]) expect(parseMode(other)).toEqual({ kind: "list" });
});

test("git revert, newest first", () => {
  expect(revertCommands([{ revision: b }, { revision: a }], false, "main", a)).toBe("git switch main\ngit pull\ngit revert --no-edit bbbbbbbbbbbb aaaaaaaaaaaa\ngit push");
  expect(revertCommands([], false, "main", a)).toBeUndefined();
  expect(revertCommands([{ revision: b }], true, "main", a)).toContain(`git revert --no-edit ${a}..HEAD`);
});

test("a hostile branch is one word to a shell", () => {
  expect(revertCommands([{ revision: b }], false, "x'; rm -rf ~ #", a)).toContain(`git switch 'x'\\''; rm -rf ~ #'\n`);
  expect(revertCommands([{ revision: b }], false, "--help", a)).toContain("git switch '--help'\n");
});
