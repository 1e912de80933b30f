import { expect, test } from "vitest";
import { ownPath } from "./ownPath";

test.each(["/applications", "/applications/argocd/shop?panel=sync&node=%2FService%2Fshop%2Fshop", "/settings/clusters/https%3A%2F%2Fkubernetes.default.svc", "/user-info#x"])("%s is our own", (to) =>
  expect(ownPath(to)).toBe(to),
);

test.each([
  undefined,
  "",
  "applications",
  "//evil.example",
  "///evil.example",
  "/\\evil.example",
  "\\\\evil.example",
  "/\t/evil.example",
  "/\n/evil.example",
  " //evil.example",
  "https://evil.example/applications",
  "https:evil.example",
  "javascript:alert(1)",
  "data:text/html,x",
  "/..//evil.example",
  "/.//evil.example",
  "/a/..//evil.example",
  "/login?return_url=/login",
  "/%5c\u0000evil",
])("%j leads home", (to) => expect(ownPath(to)).toBe("/applications"));
