import { expect, test } from "vitest";
import { editable, readProject, tidy, yamlOf } from "./projectYaml";

const project = {
  metadata: { name: "shop", resourceVersion: "7", labels: { team: "a" } },
  spec: { sourceRepos: ["*"], roles: [{ name: "ci", jwtTokens: [{ id: "x" }] }] },
  status: { jwtTokensByRole: {} },
};

test("what is edited has neither versions nor tokens", () => {
  const text = yamlOf(editable(project));
  expect(text).not.toContain("jwtTokens");
  expect(text).not.toContain("resourceVersion");
  expect(project.spec.roles[0].jwtTokens).toHaveLength(1); // what was given is not touched
  expect(readProject(text).project).toEqual({ metadata: { name: "shop", labels: { team: "a" } }, spec: { sourceRepos: ["*"], roles: [{ name: "ci" }] } });
});

test.each([
  ["- a", "it has no fields"],
  ["kind: Application\nmetadata: {name: a}\nspec: {}", "its kind is Application"],
  ["metadata: {}\nspec: {}", "metadata.name is missing"],
  ["metadata: {name: a}", "spec is missing"],
  ["a: [", "Flow sequence"],
])("%j is no project", (text, why) => expect(readProject(text).wrong).toContain(why));

test("rows without words are left out, and the core group is written", () => {
  expect(tidy({ spec: { sourceRepos: [" a ", ""], destinations: [{ server: "", namespace: "" }], clusterResourceWhitelist: [{ kind: "Namespace" }, {}], signatureKeys: [] } }).spec).toEqual({
    sourceRepos: ["a"],
    clusterResourceWhitelist: [{ group: "", kind: "Namespace" }],
  });
});
