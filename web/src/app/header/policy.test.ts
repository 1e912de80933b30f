import { expect, test } from "vitest";
import type { Application, SyncPolicyAutomated } from "../../types";
import { policyWords, togglePatch, windowWords } from "./policy";

const app = (automated?: SyncPolicyAutomated): Application => ({ spec: { syncPolicy: automated ? { automated } : {} } });

test("the policy in words", () => {
  expect(policyWords(app()).short).toBe("Manual sync");
  expect(policyWords(app({})).short).toBe("Automatic sync");
  expect(policyWords(app({ prune: true, selfHeal: true })).short).toBe("Automatic sync + prune, self-heal");
  expect(policyWords(app({ prune: true, enabled: false })).short).toBe("Manual sync");
});

test("toggling keeps prune and self-heal for later", () => {
  expect(JSON.parse(togglePatch(app({ prune: true })))).toEqual({ spec: { syncPolicy: { automated: { enabled: false } } } });
  expect(JSON.parse(togglePatch(app({ enabled: false })))).toEqual({ spec: { syncPolicy: { automated: { enabled: true } } } });
});

test("windows", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  expect(windowWords(undefined, now)).toBeUndefined();
  expect(windowWords({}, now)).toBeUndefined();
  const assignedWindows = [{ kind: "deny" }];
  expect(windowWords({ assignedWindows, canSync: true }, now)).toBeUndefined();
  expect(windowWords({ assignedWindows, canSync: true, changes: "2027-01-01T03:00:00Z" }, now)).toBeUndefined();
  expect(windowWords({ assignedWindows, canSync: true, changes: "2026-11-23T14:00:00Z" }, now)!.text).toMatch(/^Sync windows allow syncing now, until .* \(in 2 h\)$/);
  const denied = windowWords({ assignedWindows, denied: "deny window", changes: "2026-11-23T14:00:00Z" }, now)!;
  expect(denied.denied).toBe(true);
  expect(denied.text).toMatch(/^Automatic sync is denied now, until .* \(in 2 h\): deny window; syncing by hand is denied as well$/);
});
