import { expect, test } from "vitest";
import type { Application } from "../../types";
import { conditionsOf, destinationWords, noticeOf, sourceWords } from "./words";

test.each([
  [{ repoURL: "https://git.example.com/acme/platform.git", path: "services/shop", targetRevision: "main" }, "git.example.com/acme/platform", " /services/shop @ main"],
  [{ repoURL: "git@github.com:acme/x.git", path: "." }, "github.com/acme/x", " @ HEAD"],
  [{ repoURL: "https://charts.example.com", chart: "redis", targetRevision: "7.1.0" }, "charts.example.com", " redis 7.1.0"],
  [{ repoURL: "https://h/v", ref: "values", targetRevision: "main" }, "h/v", " (values as $values) @ main"],
])("source %o", (source, repository, place) => expect(sourceWords(source)).toEqual({ repository, place }));

test("destinations", () => {
  const to = (destination: object): Application => ({ spec: { destination } });
  expect(destinationWords(to({ server: "https://kubernetes.default.svc", namespace: "shop" }))).toBe("in-cluster / shop");
  expect(destinationWords(to({ name: "edge", namespace: "a" }))).toBe("edge / a");
  expect(destinationWords(to({ server: "https://10.0.0.1:6443" }))).toBe("10.0.0.1:6443");
  expect(destinationWords({})).toBe("nowhere");
});

test("conditions with a status say what the marks say", () => {
  const all = conditionsOf({ status: { conditions: [{ type: "Synced", status: "True" }, { type: "SyncError" }, { type: "HeldWarning" }] } });
  expect(all).toEqual({ errors: [{ type: "SyncError" }], warnings: [{ type: "HeldWarning" }] });
});

const noted = (a: Record<string, string>): Application => ({ metadata: { annotations: Object.fromEntries(Object.entries(a).map(([k, v]) => ["notice.argocd.argoproj.io/" + k, v])) } });

test("a notice", () => {
  expect(noticeOf({})).toBeUndefined();
  expect(noticeOf(noted({ content: "x", scope: "icon" }))).toBeUndefined();
  expect(noticeOf(noted({ content: "Moves on Friday", severity: "WARNING", url: "https://wiki.example.com/" }))).toEqual({ text: "Moves on Friday", severity: "warning", link: "https://wiki.example.com/", permanent: false });
  expect(noticeOf(noted({ content: "x".repeat(900), severity: "fatal", permanent: "true" }))).toEqual({ text: "x".repeat(500), severity: "info", link: undefined, permanent: true });
});

test("the link of a notice is no script, and no mail", () => {
  for (const url of ["javascript:alert(1)", "mailto:a@b.c", "https://user:pass@h/"]) expect(noticeOf(noted({ content: "x", url }))!.link).toBeUndefined();
});
