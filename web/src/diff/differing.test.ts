import { expect, it } from "vitest";
import { differing, tally } from "./differing";

const record = {
  status: {
    resources: [
      { kind: "ConfigMap", name: "old", namespace: "a", status: "OutOfSync", requiresPruning: true, uid: "1" },
      { kind: "ConfigMap", name: "same", namespace: "a", status: "Synced", uid: "2" },
      { kind: "Service", name: "web", namespace: "a", status: "OutOfSync", uid: "3" },
      { kind: "Secret", name: "new", namespace: "a", status: "OutOfSync", health: { status: "Missing" } },
      { group: "batch", kind: "Job", name: "hook", namespace: "a", status: "OutOfSync", hook: true },
      { group: "apps", kind: "Deployment", name: "web", namespace: "a", status: "OutOfSync", uid: "4" },
    ],
    operationState: { syncResult: { resources: [{ group: "apps", kind: "Deployment", name: "web", namespace: "a", status: "SyncFailed", message: "immutable" }, { kind: "Service", name: "web", namespace: "a", status: "Synced", message: "ok" }] } },
  },
};

it("puts what failed first, then what is missing, differs, and is too much", () => {
  const list = differing(record);
  expect(list.map((d) => `${d.key.kind}/${d.key.name}`)).toEqual(["Deployment/web", "Secret/new", "Service/web", "ConfigMap/old"]);
  expect(list[0]!.failed).toBe("immutable");
  expect(tally(list)).toBe("2 differ, 1 is missing, 1 is not in Git");
});

it("finds nothing where all is as Git says", () => {
  expect(differing({ status: { resources: [{ kind: "A", name: "a", status: "Synced" }] } })).toEqual([]);
  expect(tally([])).toBe("");
});
