// Repositories between the form and the API: which fields a way to log in has, and what a record says in words.
import type { ConnectionState, RepoAccessQuery, RepoCreds, Repository } from "../../types";

export type Login = "none" | "password" | "token" | "ssh" | "github" | "google" | "azure";

export const logins: Record<Login, string> = {
  none: "Nothing: it is public, or a credential template fits",
  password: "User name and password, or an access token in its place",
  token: "Bearer token",
  ssh: "SSH private key",
  github: "GitHub App",
  google: "Google Cloud service account",
  azure: "Azure workload identity",
};

/** What is written in the form. The secrets in it are sent, and never come back. */
export interface Draft {
  url: string;
  type: "git" | "helm" | "oci";
  name: string;
  project: string;
  login: Login;
  username: string;
  password: string;
  bearerToken: string;
  sshPrivateKey: string;
  githubAppID: string;
  githubAppInstallationID: string;
  githubAppPrivateKey: string;
  githubAppEnterpriseBaseUrl: string;
  gcpServiceAccountKey: string;
  tlsClientCertData: string;
  tlsClientCertKey: string;
  insecure: boolean;
  forceHttpBasicAuth: boolean;
  enableLfs: boolean;
  enableOCI: boolean;
  depth: string;
  proxy: string;
  noProxy: string;
}

export const blank: Draft = {
  url: "", type: "git", name: "", project: "", login: "none", username: "", password: "", bearerToken: "", sshPrivateKey: "",
  githubAppID: "", githubAppInstallationID: "", githubAppPrivateKey: "", githubAppEnterpriseBaseUrl: "", gcpServiceAccountKey: "",
  tlsClientCertData: "", tlsClientCertKey: "", insecure: false, forceHttpBasicAuth: false, enableLfs: false, enableOCI: false, depth: "", proxy: "", noProxy: "",
};

/** An address that is reached by SSH: ssh://, or git@host:path. */
export const overSsh = (url: string) => /^ssh:\/\//i.test(url.trim()) || /^[^/@\s:]+@[^/\s:]+:/.test(url.trim());

/** The ways to log in that an address and a type permit. */
export function loginsOf(url: string, type: Draft["type"]): Login[] {
  if (overSsh(url)) return ["none", "ssh"];
  if (type === "git") return ["none", "password", "token", "ssh", "github", "google", "azure"];
  return ["none", "password", "token", "azure"];
}

/** The record as a form; without its secrets, which the server keeps to itself. */
export function draftOf(r: Repository): Draft {
  const login: Login = r.githubAppID ? "github" : r.useAzureWorkloadIdentity ? "azure" : r.inheritedCreds ? "none" : overSsh(r.repo ?? "") ? "ssh" : r.username ? "password" : "none";
  return {
    ...blank,
    url: r.repo ?? "",
    type: r.type === "helm" || r.type === "oci" ? r.type : "git",
    name: r.name ?? "",
    project: r.project ?? "",
    login,
    username: r.inheritedCreds ? "" : (r.username ?? ""),
    githubAppID: r.githubAppID ? String(r.githubAppID) : "",
    githubAppInstallationID: r.githubAppInstallationID ? String(r.githubAppInstallationID) : "",
    githubAppEnterpriseBaseUrl: r.githubAppEnterpriseBaseUrl ?? "",
    insecure: !!r.insecure || !!r.insecureIgnoreHostKey,
    forceHttpBasicAuth: !!r.forceHttpBasicAuth,
    enableLfs: !!r.enableLfs,
    enableOCI: !!r.enableOCI,
    depth: r.depth ? String(r.depth) : "",
    proxy: r.proxy ?? "",
    noProxy: r.noProxy ?? "",
  };
}

/** The fields of the chosen way to log in: what was written for another one is not sent. */
function secrets(d: Draft) {
  const client = d.tlsClientCertData ? { tlsClientCertData: d.tlsClientCertData, tlsClientCertKey: d.tlsClientCertKey } : {};
  switch (d.login) {
    case "password":
      return { username: d.username, password: d.password, ...client };
    case "token":
      return { bearerToken: d.bearerToken, ...client };
    case "ssh":
      return { sshPrivateKey: d.sshPrivateKey };
    case "github":
      return {
        githubAppID: Number(d.githubAppID) || undefined,
        githubAppInstallationID: Number(d.githubAppInstallationID) || undefined,
        githubAppPrivateKey: d.githubAppPrivateKey,
        githubAppEnterpriseBaseUrl: d.githubAppEnterpriseBaseUrl || undefined,
      };
    case "google":
      return { gcpServiceAccountKey: d.gcpServiceAccountKey };
    case "azure":
      return { useAzureWorkloadIdentity: true };
    case "none":
      return client;
  }
}

const orNothing = <T>(v: T) => v || undefined;

export function repositoryOf(d: Draft): Repository {
  const url = d.url.trim();
  const ssh = overSsh(url);
  return {
    repo: url,
    type: d.type,
    name: orNothing(d.name.trim()),
    project: orNothing(d.project),
    ...secrets(d),
    ...(d.insecure ? (ssh ? { insecureIgnoreHostKey: true } : { insecure: true }) : {}),
    forceHttpBasicAuth: orNothing(d.forceHttpBasicAuth),
    enableLfs: orNothing(d.type === "git" && d.enableLfs),
    enableOCI: orNothing(d.type === "helm" && d.enableOCI),
    depth: orNothing(d.type === "git" ? Number(d.depth) : 0),
    proxy: orNothing(d.proxy.trim()),
    noProxy: orNothing(d.noProxy.trim()),
  };
}

/** The same for trying it out: the request spells two fields in another way, and knows one word for both kinds of trust. */
export function accessOf(d: Draft): RepoAccessQuery {
  const { repo, type, name, project, insecure, insecureIgnoreHostKey, enableOCI, forceHttpBasicAuth, proxy } = repositoryOf(d);
  return { repo, type, name, project, forceHttpBasicAuth, proxy, ...secrets(d), insecure: orNothing(insecure || insecureIgnoreHostKey), enableOci: enableOCI };
}

export function credsOf(d: Draft): RepoCreds {
  const { repo, type, enableOCI, forceHttpBasicAuth, proxy, noProxy } = repositoryOf(d);
  return { url: repo, type, enableOCI, forceHttpBasicAuth, proxy, noProxy, ...secrets(d) };
}

/** Whether it can be reached, in words. */
export function connection(state: ConnectionState | undefined, what: "repository" | "cluster"): { tone: "healthy" | "degraded" | "unknown"; words: string; why?: string } {
  const why = state?.message?.replace(/^Unable to connect to repository: /, "") || undefined;
  switch (state?.status) {
    case "Successful":
      return { tone: "healthy", words: what === "cluster" ? "Answers" : "Lets us in" };
    case "Failed":
      return { tone: "degraded", words: what === "cluster" ? "Does not answer" : "Cannot be reached", why };
    default:
      return { tone: "unknown", words: "Not known yet", why };
  }
}

/** How a repository is logged in to, as far as the server tells. */
export function loginWords(r: Repository): string {
  if (r.inheritedCreds) return r.username ? `By a credential template, as ${r.username}` : "By a credential template";
  if (r.githubAppID) return `As GitHub App ${r.githubAppID}`;
  if (r.useAzureWorkloadIdentity) return "By Azure workload identity";
  if (r.username) return `As ${r.username}`;
  return overSsh(r.repo ?? "") ? "By SSH key" : "Without a user name, or by a secret that is not shown";
}

export const typeWords = (type: string | undefined, oci?: boolean) => (type === "oci" ? "OCI" : type === "helm" ? (oci ? "Helm (OCI)" : "Helm") : "Git");

/** How policies name a repository or a cluster: with its project, when it has one. */
export const scoped = (project: string | undefined, address: string) => (project ? `${project}/${address}` : address);
