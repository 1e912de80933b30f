import { expect, test } from "vitest";
import { destinationInWords, kindsInWords, lifetime, parsePolicy, policyInWords, policyLine, renamed, windowFor } from "./rules";

test("destinations are said in words", () => {
  expect(destinationInWords({ server: "*", namespace: "*" })).toBe("any namespace on any cluster");
  expect(destinationInWords({ name: "prod", namespace: "shop-*" })).toBe("namespaces shop-* on cluster prod");
  expect(destinationInWords({ server: "https://a", namespace: "!kube-system" })).toBe("not: namespace kube-system on cluster https://a");
});

test("kinds: the cluster's own are forbidden unless listed, those in namespaces allowed unless listed", () => {
  expect(kindsInWords({}, "cluster")).toEqual({ words: "No objects of the cluster itself", kinds: [] });
  expect(kindsInWords({}, "namespace")).toEqual({ words: "All objects in namespaces", kinds: [] });
  expect(kindsInWords({ clusterResourceWhitelist: [{ group: "", kind: "Namespace", name: "shop-*" }] }, "cluster")).toEqual({
    words: "Only these objects of the cluster itself",
    kinds: ["Namespace of the core group, named shop-*"],
  });
  expect(kindsInWords({ namespaceResourceWhitelist: [{ group: "*", kind: "*" }], namespaceResourceBlacklist: [{ group: "apps", kind: "DaemonSet" }] }, "namespace")).toEqual({
    words: "All objects in namespaces but not these",
    kinds: ["DaemonSet of apps"],
  });
  expect(kindsInWords({ namespaceResourceWhitelist: [{ group: "apps", kind: "Deployment" }], namespaceResourceBlacklist: [{ group: "", kind: "Secret" }] }, "namespace").words).toBe(
    "Only these objects in namespaces: Deployment of apps; but not these",
  );
});

test("policies go to and fro", () => {
  const line = "p, proj:shop:ci, applications, sync, shop/*, allow";
  const policy = parsePolicy(line)!;
  expect(policyLine("shop", "ci", policy)).toBe(line);
  expect(policyInWords(line)).toBe("May sync: applications of the project");
  expect(policyInWords("p, proj:shop:ci, applications, delete, shop/web, deny")).toBe("May not delete: applications, shop/web");
  expect(policyInWords("nonsense")).toBe("nonsense");
  expect(parsePolicy("g, a, b")).toBeUndefined();
  expect(renamed("shop", { name: "ci", policies: [line] }, "cd").policies).toEqual(["p, proj:shop:cd, applications, sync, shop/*, allow"]);
});

test("a window says for whom it counts", () => {
  expect(windowFor({ applications: ["*"] })).toBe("all applications");
  expect(windowFor({ applications: ["web", "api"], namespaces: ["prod"], andOperator: true })).toBe("applications web and api and at once namespaces prod");
  expect(windowFor({})).toBe("nothing");
});

test("lifetimes", () => {
  expect(lifetime("")).toBe(0);
  expect(lifetime("30d")).toBe(2_592_000);
  expect(lifetime("12 h")).toBe(43_200);
  expect(lifetime("30")).toBeUndefined();
  expect(lifetime("-1d")).toBeUndefined();
});
