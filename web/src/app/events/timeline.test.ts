import { expect, test } from "vitest";
import type { Application, V1Event } from "../../types";
import { byDay, chosen, dayWords, filterTab, parseFilter, shortened, timeline } from "./timeline";

const sha = "53e28ff20cc530b9ada2173fbbd64d48338583ba";
const event = (at: string, reason: string, message: string, more: object = {}): V1Event => ({ lastTimestamp: at, reason, message, type: "Normal", metadata: { uid: reason + at + message }, ...more });
const record: Application = {
  status: {
    history: [
      { id: 3, revision: "a".repeat(40), deployedAt: "2026-11-20T10:00:00Z" },
      { id: 4, revision: sha, deployedAt: "2026-11-23T12:00:00Z" },
    ],
    conditions: [
      { type: "SyncError", message: `Failed last sync attempt to ${sha}`, lastTransitionTime: "2026-11-23T12:05:00Z" },
      { type: "Synced", status: "True", lastTransitionTime: "2026-11-23T12:06:00Z" },
    ],
  },
};

test("events, deployments and conditions are one line of time", () => {
  const items = timeline([event("2026-11-23T11:59:58Z", "OperationStarted", `Initiated automated sync to '${sha}'`), event("2026-11-23T12:00:01Z", "OperationCompleted", `Sync operation to ${sha} succeeded`)], record);
  expect(items.map((i) => [i.title, i.kind, i.deployment])).toEqual([
    ["SyncError", "condition", undefined],
    ["Synced", "operation", 4], // told once, by the event
    ["Sync began", "operation", undefined],
    ["Synced", "operation", 3],
  ]);
  expect(items[2]!.text).toBe("Initiated automated sync to 53e28ff");
});

test("statuses", () => {
  const at = "2026-11-23T12:00:00Z";
  const items = timeline([event(at, "ResourceUpdated", "Updated sync status:  -> OutOfSync"), event(at, "ResourceUpdated", "Updated health status: Healthy -> Degraded"), event(at, "OperationCompleted", `Sync operation to ${sha} failed: no`, { type: "Warning", count: 7 })], {});
  // in one second the last one told is the newest
  expect(items.map((i) => [i.title, i.text, i.tone, i.count])).toEqual([
    ["Sync failed", "Sync operation to 53e28ff failed: no", "bad", 7],
    ["Degraded", "was Healthy", "bad", 1],
    ["OutOfSync", "first seen so", "warn", 1],
  ]);
});

test("an event that nobody knows is told in its own words", () => {
  expect(timeline([event("2026-11-23T12:00:00Z", "Odd", "x", { type: "Warning" })], {})[0]).toMatchObject({ title: "Odd", text: "x", tone: "warn", kind: "change" });
});

test("the filter and the address say the same", () => {
  for (const tab of [undefined, "sync+health", ":web", "drift:a:b c"]) expect(filterTab(parseFilter(tab))).toBe(tab);
  expect(parseFilter("nonsense+sync")).toEqual({ kinds: ["sync"], words: "" });
});

test("filtering", () => {
  const items = timeline([event("2026-11-23T12:00:00Z", "DriftDetected", "Deployment/ledger spec.replicas"), event("2026-11-23T12:00:01Z", "ResourceCreated", "ada created it")], {});
  expect(chosen(items, { kinds: [], words: "LEDGER drift" })).toHaveLength(1);
  expect(chosen(items, { kinds: ["change"], words: "" }).map((i) => i.title)).toEqual(["Created"]);
  expect(chosen(items, { kinds: ["change"], words: "ledger" })).toEqual([]);
});

test("days", () => {
  const now = new Date(2026, 10, 23, 12).getTime();
  const at = (d: Date) => ({ id: d.toISOString(), at: d.toISOString(), kind: "sync" as const, tone: "plain" as const, title: "", text: "", count: 1 });
  const days = byDay([at(new Date(2026, 10, 23, 11)), at(new Date(2026, 10, 23, 1)), at(new Date(2026, 10, 22, 23)), at(new Date(2026, 10, 1))]);
  expect(days.map((d) => d.items.length)).toEqual([2, 1, 1]);
  expect(days.map((d) => dayWords(d.day, now)).slice(0, 2)).toEqual(["Today", "Yesterday"]);
});

test("commits are shortened, and nothing else", () => {
  expect(shortened(`to '${sha}' and '1.2.3'`)).toBe("to 53e28ff and '1.2.3'");
});
