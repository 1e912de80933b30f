import { expect, test } from "vitest";
import { parse } from "yaml";
import type { Application } from "../../types";
import { badge, destinationRows, ignoreRows, manifest, policyRows, sourceRows } from "./details";

const words = (rows: { name: string; text?: string; code?: string }[]) => Object.fromEntries(rows.map((r) => [r.name, r.text ?? r.code]));

test("a Helm source with what is set in it", () => {
  expect(
    words(
      sourceRows({
        repoURL: "https://git.example.com/x.git",
        path: "chart",
        helm: { releaseName: "web", valueFiles: ["values.yaml", "prod.yaml"], parameters: [{ name: "tag", value: "1", forceString: true }], valuesObject: { replicas: 2 }, skipCrds: true },
      }),
    ),
  ).toEqual({
    Repository: "https://git.example.com/x.git",
    Path: "chart",
    "Target revision": "HEAD",
    "Release name": "web",
    "Value files": "values.yaml\nprod.yaml",
    Parameters: "tag: 1 (a text)",
    Values: "replicas: 2",
    "Helm options": "skip CRDs",
  });
});

test("nothing that is empty is a row", () => {
  expect(sourceRows({ repoURL: "https://h/x", targetRevision: "main", directory: {}, kustomize: {}, helm: {} }).map((r) => r.name)).toEqual(["Repository", "Target revision"]);
  expect(policyRows({})).toEqual([]);
});

test("destination, policy and what is ignored", () => {
  const app: Application = {
    spec: {
      destination: { name: "edge", namespace: "shop" },
      syncPolicy: { syncOptions: ["CreateNamespace=true"], retry: { limit: 3, backoff: { duration: "10s" } } },
      ignoreDifferences: [{ group: "apps", kind: "Deployment", jsonPointers: ["/spec/replicas"], managedFieldsManagers: ["hpa"] }],
    },
  };
  expect(words(destinationRows(app))).toEqual({ Cluster: "edge", Namespace: "shop", Project: "default" });
  expect(words(policyRows(app))).toEqual({ "Sync options": "CreateNamespace=true", Retry: "3 times, after 10s, growing by 2 up to 3m" });
  expect(words(ignoreRows(app))).toEqual({ "apps/Deployment": "/spec/replicas\nwhat hpa writes" });
});

test("a manifest can be applied as it is", () => {
  const app: Application = { metadata: { name: "web", namespace: "argocd", uid: "1", resourceVersion: "2", managedFields: [{}] } as Application["metadata"], spec: { project: "shop" }, status: { sync: { status: "Synced" } } };
  expect(parse(manifest(app, false))).toEqual({ apiVersion: "argoproj.io/v1alpha1", kind: "Application", metadata: { name: "web", namespace: "argocd" }, spec: { project: "shop" } });
  expect(parse(manifest(app, true))).toMatchObject({ metadata: { uid: "1" }, status: { sync: { status: "Synced" } } });
  expect(manifest(app, true)).not.toContain("managedFields");
});

test("a badge for a README", () => {
  const home = badge("https://cd.example.com", { metadata: { name: "web", namespace: "argocd" } }, "argocd");
  expect(home.markdown).toBe("[![web](https://cd.example.com/api/badge?name=web&revision=true&showAppName=true)](https://cd.example.com/applications/argocd/web)");
  expect(badge("", { metadata: { name: "web", namespace: "team" } }, "argocd").image).toBe("/api/badge?name=web&namespace=team&revision=true&showAppName=true");
});
