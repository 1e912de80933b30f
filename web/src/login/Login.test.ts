import { expect, test } from "vitest";
import { ownPath } from "./Login";

test("the login leads back to a path of our own", () => {
  expect(ownPath("/applications?health=Degraded")).toBe("/applications?health=Degraded");
  expect(ownPath("/settings/clusters/https%3A%2F%2Fkubernetes.default.svc")).toBe("/settings/clusters/https%3A%2F%2Fkubernetes.default.svc");
});

test.each(["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", undefined, "/a\\b", "/\n/evil", "evil"])("%s leads to the applications", (to) => {
  expect(ownPath(to)).toBe("/applications");
});
