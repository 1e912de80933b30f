import { expect, it } from "vitest";
import type { Application } from "../types";
import { repoName, sentence, sourceWords } from "./sentence";

const app = (spec: Application["spec"]): Application => ({
  metadata: { name: "web" },
  spec: { source: { repoURL: "https://git.example.com/acme/platform.git", path: "services/web", targetRevision: "main" }, destination: { server: "https://kubernetes.default.svc", namespace: "web" }, ...spec },
});

it("says what is missing", () => {
  expect(sentence({})).toBe("Still missing: a name, a repository and a cluster.");
  expect(sentence({ metadata: { name: "x" }, spec: { source: { repoURL: "r" }, destination: { name: "c" } } })).toBe("Still missing: a path or a chart.");
});

it("says what will be", () => {
  expect(sentence(app({ syncPolicy: { automated: { prune: true } } }))).toBe(
    "Watches main of platform/services/web and keeps namespace web in cluster in-cluster equal to it, by itself, pruning what Git drops.",
  );
  expect(sentence(app({ syncPolicy: { automated: { selfHeal: true, allowEmpty: true }, syncOptions: ["CreateNamespace=true"] } }))).toBe(
    "Watches main of platform/services/web and keeps namespace web in cluster in-cluster equal to it, by itself, leaving what Git drops and undoing what others change there. It makes the namespace if it is missing. It prunes everything if Git holds nothing.",
  );
});

it("says that nothing happens by itself", () => {
  expect(sentence(app({}))).toContain("changes nothing until somebody syncs");
  expect(sentence(app({ syncPolicy: { automated: { enabled: false } } }))).toContain("changes nothing until somebody syncs");
});

it("knows clusters by their names", () => {
  const spec = { destination: { server: "https://1.2.3.4" }, syncPolicy: { automated: {} } };
  expect(sentence(app(spec))).toContain("cluster https://1.2.3.4 ");
  expect(sentence(app(spec), [{ name: "prod", server: "https://1.2.3.4" }])).toContain("keeps cluster prod equal");
});

it("tells of several sources, and of those that only lend files", () => {
  const words = sentence(app({ source: undefined, sources: [{ repoURL: "https://charts.example/stable", chart: "redis", targetRevision: "1.2.3" }, { repoURL: "git@host:acme/values.git", ref: "values" }] }));
  expect(words).toContain("Watches 1.2.3 of chart redis in stable (with files of the default branch of values)");
});

it("names repositories and paths as people do", () => {
  expect(repoName("https://git.example.com/acme/platform.git/")).toBe("platform");
  expect(repoName("git@github.com:platform")).toBe("platform");
  expect(sourceWords({ repoURL: "https://x/y", path: "." })).toBe("the default branch of y");
});
