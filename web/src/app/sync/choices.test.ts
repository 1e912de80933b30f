import { describe, expect, test } from "vitest";
import type { Application } from "../../types";
import { again, fromAddress, newRetry, onlyThese, optionsOf, previewOf, requestOf, standard, toAddress, wrongWith, type SyncChoices } from "./choices";

const app = { namespace: "argocd", name: "shop" };
const record = (more: object = {}): Application => ({
  metadata: app,
  spec: { source: { repoURL: "https://git.example.com/a", targetRevision: "main" }, syncPolicy: { syncOptions: ["CreateNamespace=true", "Custom=1"], ...more } },
});

describe("the standard", () => {
  test("is what the application's own policy says", () => {
    const c = standard(record({ syncOptions: ["Replace=true", "Replace=false", "Validate=false", "PrunePropagationPolicy=orphan", "ApplyOutOfSyncOnly=true"], retry: { limit: 3, backoff: { duration: "7s" } } }));
    expect(c).toMatchObject({ replace: false, skipValidation: true, propagation: "orphan", scope: "outofsync", prune: false, createNamespace: false });
    expect(c.retry).toEqual({ limit: 3, pause: "7s", factor: 2, longest: "3m0s", refresh: false });
  });
  test("sends no options and no retry of its own", () => {
    expect(requestOf(standard(record()), record(), app)).toEqual({ name: "shop", appNamespace: "argocd", prune: false, dryRun: false, strategy: { hook: {} } });
  });
});

describe("options", () => {
  test("are the application's, with what was changed behind them", () => {
    const c: SyncChoices = { ...standard(record()), createNamespace: false, serverSide: true, pruneLast: true, skipValidation: true, propagation: "background", scope: "outofsync" };
    expect(optionsOf(c, record())).toEqual(["CreateNamespace=true", "Custom=1", "ServerSideApply=true", "CreateNamespace=false", "Validate=false", "PruneLast=true", "ApplyOutOfSyncOnly=true", "PrunePropagationPolicy=background"]);
  });
});

describe("the request", () => {
  test("has the strategy, the force and the chosen objects", () => {
    const c: SyncChoices = { ...standard(record()), applyOnly: true, force: true, scope: "chosen", chosen: ["apps/Deployment/shop/web", "/Namespace//shop"], revisions: [" v1 "] };
    expect(previewOf(c, record(), app)).toMatchObject({
      strategy: { apply: { force: true } },
      resources: [{ group: "apps", kind: "Deployment", namespace: "shop", name: "web" }, { kind: "Namespace", name: "shop" }],
      revision: "v1",
    });
  });
  test("names the positions of several sources that go to another revision", () => {
    const many: Application = { spec: { sources: [{ repoURL: "a" }, { repoURL: "b" }, { repoURL: "c" }] } };
    const c = { ...standard(many), revisions: ["", "2.0", ""] };
    expect(previewOf(c, many, app)).toMatchObject({ sourcePositions: [2], revisions: ["2.0"] });
    expect(previewOf(c, many, app).revision).toBeUndefined();
  });
  test("switches the application's retries off", () => {
    const a = record({ retry: { limit: 3 } });
    expect(requestOf({ ...standard(a), retry: null }, a, app).retryStrategy).toEqual({ limit: 0 });
    expect(requestOf({ ...standard(record()), retry: newRetry() }, record(), app).retryStrategy).toEqual({ limit: 5, refresh: false, backoff: { duration: "5s", factor: 2, maxDuration: "3m0s" } });
  });
});

describe("the address", () => {
  test("says nothing of what is as usual", () => {
    expect(toAddress(standard(record()), record())).toBeUndefined();
  });
  test("holds what was chosen", () => {
    const c: SyncChoices = {
      revisions: ["feature/a&b"], scope: "chosen", chosen: ["/ConfigMap/a/b", "x.io/Kind//a"], prune: true, dryRun: true, applyOnly: true, force: true, replace: true, serverSide: true,
      createNamespace: false, skipValidation: true, pruneLast: true, propagation: "orphan", retry: { limit: -1, pause: "1m", factor: 3, longest: "1h", refresh: true },
    };
    expect(fromAddress(toAddress(c, record()), record())).toEqual(c);
  });
  test("is left alone when it would be too long, and when it is nonsense", () => {
    const c = { ...standard(record()), scope: "chosen" as const, chosen: Array.from({ length: 2000 }, (_, i) => `/ConfigMap/a/${i}`) };
    expect(toAddress(c, record())).toBeUndefined();
    expect(fromAddress("scope=moon&propagation=x&o=nothing&retry=a+b", record())).toEqual(standard(record()));
  });
  test("of a sync of some objects chooses them", () => {
    const text = onlyThese([{ group: "apps", kind: "Deployment", namespace: "shop", name: "web" }], record(), { force: true });
    expect(fromAddress(text, record())).toMatchObject({ scope: "chosen", chosen: ["apps/Deployment/shop/web"], force: true });
  });
});

test("again is what was asked for by hand, and the newest commit after an automated sync", () => {
  const ran = (initiatedBy: object, sync: object): Application => ({ ...record(), status: { operationState: { operation: { initiatedBy, sync } } } });
  expect(fromAddress(again(ran({ username: "ada" }, { revision: "v1", prune: true, syncStrategy: { apply: { force: true } } })), record())).toMatchObject({ revisions: ["v1"], prune: true, applyOnly: true, force: true });
  expect(fromAddress(again(ran({ automated: true }, { revision: "0123", prune: true })), record())).toMatchObject({ revisions: [""], prune: true });
});

test("what is wrong is said", () => {
  const c = standard(record());
  expect(wrongWith(c)).toEqual({});
  expect(wrongWith({ ...c, scope: "chosen" }).chosen).toBeTruthy();
  for (const bad of [{ limit: 0 }, { limit: NaN }, { pause: "5" }, { longest: "soon" }, { factor: 0 }]) expect(wrongWith({ ...c, retry: { ...newRetry(), ...bad } }).retry).toBeTruthy();
});
