import { expect, test } from "vitest";
import { accessOf, blank, connection, credsOf, draftOf, loginsOf, loginWords, overSsh, repositoryOf, scoped } from "./repository";

test.each([
  ["git@github.com:team/app.git", true],
  ["ssh://git@git.example.com:2222/team/app.git", true],
  ["https://ada@git.example.com/team/app.git", false],
  ["https://git.example.com:8443/team/app.git", false],
  ["oci://registry.example.com/app", false],
])("%s is reached by SSH: %s", (url, ssh) => expect(overSsh(url)).toBe(ssh));

test("only the chosen login is sent: what was written for another one stays here", () => {
  const d = { ...blank, url: " https://git.example.com/a.git ", login: "password" as const, username: "ada", password: "p", bearerToken: "left over", sshPrivateKey: "left over" };
  expect(repositoryOf(d)).toMatchObject({ repo: "https://git.example.com/a.git", type: "git", username: "ada", password: "p" });
  const sent = JSON.stringify([repositoryOf(d), accessOf(d), credsOf(d)]);
  expect(sent).not.toContain("left over");
  expect(JSON.stringify(repositoryOf({ ...d, login: "none" }))).not.toContain('"p"');
});

test("trust is one box, and two fields", () => {
  expect(repositoryOf({ ...blank, url: "git@a:b", insecure: true })).toMatchObject({ insecureIgnoreHostKey: true });
  expect(repositoryOf({ ...blank, url: "https://a/b", insecure: true })).toMatchObject({ insecure: true });
  expect(accessOf({ ...blank, url: "git@a:b", insecure: true })).toMatchObject({ insecure: true });
});

test("a record that is shown again is the same form, without its secrets", () => {
  const shown = { repo: "https://a/b", type: "git", name: "b", username: "ada", insecure: true, depth: 3 };
  expect(repositoryOf(draftOf(shown))).toMatchObject({ ...shown, password: "" });
  expect(draftOf({ repo: "https://a/b", username: "robot", inheritedCreds: true })).toMatchObject({ login: "none", username: "" });
});

test("ways to log in follow the address", () => {
  expect(loginsOf("git@a:b", "git")).toEqual(["none", "ssh"]);
  expect(loginsOf("https://a", "helm")).not.toContain("ssh");
});

test("states in words", () => {
  expect(connection({ status: "Failed", message: "Unable to connect to repository: no such host" }, "repository")).toEqual({ tone: "degraded", words: "Cannot be reached", why: "no such host" });
  expect(connection(undefined, "cluster").words).toBe("Not known yet");
  expect(loginWords({ inheritedCreds: true, username: "robot" })).toBe("By a credential template, as robot");
  expect(scoped("shop", "https://a")).toBe("shop/https://a");
  expect(scoped(undefined, "https://a")).toBe("https://a");
});
