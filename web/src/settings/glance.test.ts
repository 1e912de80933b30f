import { expect, test } from "vitest";
import { aboutAccounts, aboutCertificates, aboutClusters, aboutKeys, aboutProjects, aboutRepositories } from "./glance";
import { tlsCertificate } from "./certs/certificates";

const state = (status: string) => ({ connectionState: { status } });

test("what cannot be reached is said first", () => {
  expect(aboutRepositories([state("Failed"), state("Successful")])).toEqual({ count: 2, tone: "bad", words: "1 cannot be reached" });
  expect(aboutRepositories([state("Failed"), state("Failed")]).words).toBe("None can be reached");
  expect(aboutRepositories([state("Successful")])).toEqual({ count: 1, tone: "good", words: "It can be reached" });
  expect(aboutClusters([state("Failed"), state("Unknown")]).words).toBe("1 does not answer");
  expect(aboutClusters([state("Unknown"), state("Successful")])).toEqual({ count: 2, tone: "plain", words: "1 is not watched yet" });
});

test("nothing that is seen is not all well", () => {
  expect(aboutClusters([]).tone).toBe("plain");
  expect(aboutRepositories([]).tone).toBe("plain");
  expect(aboutKeys([]).words).toBe("None: signatures are not checked");
});

test("a project that permits everything is told", () => {
  const open = { spec: { sourceRepos: ["*"], destinations: [{ server: "*", namespace: "*" }] } };
  expect(aboutProjects([open, { spec: { sourceRepos: ["https://a"] } }]).words).toBe("1 permits any source and destination");
  expect(aboutProjects([{ spec: { sourceRepos: ["*"], destinations: [{ server: "*", namespace: "shop" }] } }]).tone).toBe("good");
});

test("accounts and certificates", () => {
  expect(aboutAccounts([{ enabled: true, tokens: [{ id: "a" }] }, { enabled: false }]).words).toBe("1 API token, 1 disabled");
  expect(aboutCertificates([{ certType: "ssh" }, tlsCertificate("a", "unreadable")]).words).toBe("1 certificate, 1 host key");
});
