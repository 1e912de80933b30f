import { describe, expect, test } from "vitest";
import type { Application, OperationState, SyncPreview } from "../../types";
import { causeOf, complaint, nextTry, parseWait, pipeline, progress, seconds } from "./operation";

const app = (state: OperationState, resources: object[] = []): Application => ({ metadata: { name: "shop" }, status: { operationState: state, resources } });
const step = (name: string, hook = "") => ({ kind: hook ? "Job" : "ConfigMap", group: hook ? "batch" : "", namespace: "shop", name, ...(hook && { hook, action: "hook" }) });
const preview: SyncPreview = {
  phases: [
    { phase: "PreSync", waves: [{ wave: "0", steps: [step("migrate", "PreSync")] }] },
    { phase: "Sync", waves: [{ wave: "-1", steps: [step("early")] }, { wave: "3", steps: [step("late"), step("gone")] }] },
    { phase: "PostSync", waves: [{ wave: "0", steps: [step("smoke-abc1234-postsync-1700000001", "PostSync")] }] },
    { phase: "SyncFail", waves: [{ wave: "0", steps: [step("tell", "SyncFail")] }] },
  ],
};
const result = (name: string, more: object = {}) => ({ kind: "ConfigMap", namespace: "shop", name, status: "Synced", hookPhase: "Running", syncPhase: "Sync", message: `configmap/${name} created`, ...more });
const hookResult = (name: string, hook: string, hookPhase: string) => ({ group: "batch", kind: "Job", namespace: "shop", name, hookType: hook, hookPhase, syncPhase: hook, status: "Synced", message: "m" });
const drawn = (a: Application, p?: SyncPreview) => pipeline(a, p).map((f) => `${f.phase} ${f.state}: ` + f.waves.map((w) => `${w.wave}[${w.steps.map((s) => `${s.key.name} ${s.state}`).join(", ")}]`).join(" "));

describe("the picture", () => {
  test("of a running sync has what is done, what runs and what is to come", () => {
    const state = { phase: "Running", message: "waiting for healthy state of /ConfigMap/early (it is slow; since 2026-01-01T00:00:00Z)", syncResult: { resources: [hookResult("migrate", "PreSync", "Succeeded"), result("early")] } };
    expect(drawn(app(state), preview)).toEqual([
      "PreSync done: 0[migrate done]",
      "Sync waiting: -1[early waiting] 3[late pending, gone pending]",
      "PostSync pending: 0[smoke-abc1234-postsync-1700000001 pending]",
    ]);
    expect(progress(pipeline(app(state), preview))).toEqual({ over: 1, all: 5 });
  });
  test("of a hook that runs", () => {
    const state = { phase: "Running", syncResult: { resources: [hookResult("migrate", "PreSync", "Running")] } };
    expect(drawn(app(state), preview)[0]).toBe("PreSync running: 0[migrate running]");
  });
  test("of a failed sync has what was not reached and what ran because of it", () => {
    const state = { phase: "Failed", message: "x", syncResult: { resources: [hookResult("migrate", "PreSync", "Failed"), hookResult("tell", "SyncFail", "Succeeded")] } };
    expect(drawn(app(state), preview)).toEqual(["PreSync failed: 0[migrate failed]", "Sync unreached: -1[early unreached] 3[late unreached, gone unreached]", "PostSync unreached: 0[smoke-abc1234-postsync-1700000001 unreached]", "SyncFail done: 0[tell done]"]);
  });
  test("of a finished sync takes a hook with another name of the run for the same", () => {
    const state = { phase: "Succeeded", syncResult: { resources: [result("late", { status: "PruneSkipped" }), result("gone", { status: "Pruned", hookPhase: "Succeeded" }), hookResult("smoke-abc1234-postsync-1699999999", "PostSync", "Succeeded")] } };
    expect(drawn(app(state), preview)).toEqual(["Sync done: 3[late skipped, gone pruned]", "PostSync done: 0[smoke-abc1234-postsync-1699999999 done]"]);
  });
  test("without a preview has the waves that the record knows", () => {
    const state = { phase: "Succeeded", syncResult: { resources: [result("shop", { kind: "Namespace", namespace: "", syncPhase: "PreSync" }), result("late"), result("early"), hookResult("migrate", "PreSync", "Succeeded")] } };
    expect(drawn(app(state, [{ kind: "ConfigMap", namespace: "shop", name: "late", syncWave: 3 }, { kind: "ConfigMap", namespace: "shop", name: "early", syncWave: -1 }]))).toEqual([
      "PreSync done: [shop done] undefined[migrate done]",
      "Sync done: -1[early done] 3[late done]",
    ]);
  });
});

describe("a wait", () => {
  test.each([
    ["waiting for completion of hook batch/Job/migrate (Pod x: ErrImagePull (a; b); since 2026-01-01T00:00:00Z, gives up at 2026-01-01T06:00:00Z)", { kind: "hook", words: "Waits for the hook Job migrate to complete", why: "Pod x: ErrImagePull (a; b)", since: "2026-01-01T00:00:00Z", until: "2026-01-01T06:00:00Z", about: "batch/Job/migrate", more: 0 }],
    ["waiting for healthy state of apps/Deployment/web and 3 more resources (since 2026-01-01T00:00:00Z)", { kind: "health", words: "Waits for Deployment web and 3 more to become healthy", why: "", since: "2026-01-01T00:00:00Z", until: undefined, about: "apps/Deployment/web", more: 3 }],
    ["waiting for deletion of hook batch/Job/a (held by finalizer x.io/y; since 2026-01-01T00:00:00Z)", { kind: "deletion", words: "Waits for Job a to be gone", why: "held by finalizer x.io/y" }],
    ["waiting for pruning confirmation of /ConfigMap/a (a person has to confirm it; since 2026-01-01T00:00:00Z)", { kind: "confirmation", words: "Waits for a person to confirm that ConfigMap a may be deleted" }],
    ["waiting for healthy state of /Service/web", { kind: "health", words: "Waits for Service web to become healthy", since: undefined }],
    ["pausing for 2s after wave -1", { kind: "pause" }],
    ["Sync operation blocked by sync window (deny window '* * * * *' for 1h (freeze); since 2026-01-01T00:00:00Z)", { kind: "window", why: "deny window '* * * * *' for 1h (freeze)", since: "2026-01-01T00:00:00Z" }],
    ["waiting for the cluster (no answer; since 2026-01-01T00:00:00Z, gives up at 2026-01-01T00:03:00Z)", { kind: "cluster", why: "no answer", until: "2026-01-01T00:03:00Z" }],
  ])("%s", (message, want) => {
    expect(parseWait(message)).toMatchObject(want);
  });
  test.each(["", undefined, "one or more tasks are running", "successfully synced (all tasks run)"])("%s is none", (message) => {
    expect(parseWait(message)).toBeUndefined();
  });
});

describe("a cause", () => {
  const failed = (message: string, ...resources: object[]) => {
    const a = app({ phase: "Failed", message, syncResult: { resources } });
    return causeOf(a, pipeline(a, undefined))!;
  };
  const refused = (text: string) => result("web", { group: "apps", kind: "Deployment", status: "SyncFailed", hookPhase: "Failed", message: text });
  test("of a field that cannot be changed names the way out", () => {
    const c = failed("one or more objects failed to apply (dry run), reason: x", refused('apply Deployment.apps/web in namespace shop in cluster c: Deployment "web" cannot be changed so: spec.selector: field is immutable'));
    expect(c).toMatchObject({ immutable: true, title: "Deployment web cannot be changed in place, so nothing was written.", reason: "" });
    expect(c.advice).toContain("Force");
    expect(c.failed.map((s) => s.key.name)).toEqual(["web"]);
  });
  test.each([
    ["one or more objects failed to apply (dry run), reason: x", refused("admission webhook says no"), /^The API server refuses Deployment web, so nothing was written/],
    ["one or more synchronization tasks are not valid, reason: x", refused("not permitted"), /^The project does not permit Deployment web/],
    ["one or more synchronization tasks completed unsuccessfully, reason: x", { ...hookResult("migrate", "PreSync", "Failed") }, /^The hook migrate failed/],
    ["one or more objects failed to apply, reason: x", refused("quota"), /^Deployment web could not be applied/],
  ])("%s", (message, r, title) => {
    expect(failed(message, r).title).toMatch(title);
  });
  test("that no object says is told in the server's words", () => {
    expect(failed("ComparisonError: repository not found")).toMatchObject({ title: "It is not known what Git wants.", reason: "repository not found" });
    expect(failed("Operation terminated: commit abc supersedes it").title).toBe("A newer commit took its place.");
    expect(failed("Operation terminated").title).toBe("Somebody terminated it.");
    expect(failed("odd. Retrying attempt #2 at 3:04PM.").reason).toBe("odd");
  });
  test("is not there while all is well", () => {
    const a = app({ phase: "Succeeded" });
    expect(causeOf(a, pipeline(a, undefined))).toBeUndefined();
  });
});

test("a complaint is told without what stands beside it", () => {
  expect(complaint('apply Deployment.apps/web in namespace a in cluster b: it is "so" (sync with Force=true (or not))')).toEqual({ text: 'it is "so"', hint: "sync with Force=true (or not)" });
  expect(complaint("plain words")).toEqual({ text: "plain words", hint: "" });
});

test("the next try is computed as the server does", () => {
  const at = (retryCount: number, backoff: object) => nextTry({ phase: "Running", finishedAt: "2026-01-01T00:00:00Z", retryCount, operation: { retry: { limit: 9, backoff } } })?.toISOString();
  expect(at(1, { duration: "10s", factor: 3, maxDuration: "1m" })).toBe("2026-01-01T00:00:10.000Z");
  expect(at(3, { duration: "10s", factor: 3, maxDuration: "1m" })).toBe("2026-01-01T00:01:00.000Z");
  expect(at(2, {})).toBe("2026-01-01T00:00:10.000Z");
  expect(nextTry({ phase: "Failed", finishedAt: "2026-01-01T00:00:00Z" })).toBeUndefined();
  expect(seconds("1h2m3.5s")).toBe(3723.5);
  expect(seconds("90")).toBe(90);
  expect(seconds("soon")).toBeNaN();
});
