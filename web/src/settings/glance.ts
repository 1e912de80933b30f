// One sentence on each kind of settings: what a reader of the overview should know of them.
import type { Account, AppProject, Cluster, GnuPGPublicKey, RepoCreds, Repository, RepositoryCertificate } from "../types";
import { certificateEnds } from "./certs/certificates";

export interface Glance {
  count: number | undefined;
  tone: "good" | "bad" | "plain";
  words: string;
}

/** "1 cluster", "2 clusters". */
export const counted = (n: number, one: string, many = one + "s") => `${n} ${n === 1 ? one : many}`;

export function aboutRepositories(all: Repository[]): Glance {
  const count = all.length;
  const failed = all.filter((r) => r.connectionState?.status === "Failed").length;
  if (count === 0) return { count, tone: "plain", words: "None: public ones need not be registered" };
  if (failed > 0) return { count, tone: "bad", words: failed === count && count > 1 ? "None can be reached" : `${counted(failed, "cannot", "cannot")} be reached` };
  return { count, tone: "good", words: count === 1 ? "It can be reached" : "All can be reached" };
}

export function aboutCredentials(all: RepoCreds[]): Glance {
  return { count: all.length, tone: "plain", words: all.length === 0 ? "None: each repository has its own login" : "Used by the repositories below them" };
}

export function aboutProjects(all: AppProject[]): Glance {
  const open = all.filter((p) => p.spec?.sourceRepos?.includes("*") && p.spec.destinations?.some((d) => (d.server === "*" || d.name === "*") && d.namespace === "*")).length;
  if (open === 0) return { count: all.length, tone: "good", words: "Each says what it permits" };
  return { count: all.length, tone: "plain", words: `${counted(open, "permits", "permit")} any source and destination` };
}

export function aboutClusters(all: Cluster[]): Glance {
  const lost = all.filter((c) => c.connectionState?.status === "Failed").length;
  const unknown = all.filter((c) => c.connectionState?.status !== "Failed" && c.connectionState?.status !== "Successful").length;
  if (all.length === 0) return { count: 0, tone: "plain", words: "None that you see" };
  if (lost > 0) return { count: all.length, tone: "bad", words: `${counted(lost, "does", "do")} not answer` };
  if (unknown > 0) return { count: all.length, tone: "plain", words: `${counted(unknown, "is", "are")} not watched yet` };
  return { count: all.length, tone: "good", words: all.length === 1 ? "It answers" : "All answer" };
}

export function aboutAccounts(all: Account[]): Glance {
  const off = all.filter((a) => !a.enabled).length;
  const tokens = all.reduce((n, a) => n + (a.tokens?.length ?? 0), 0);
  return { count: all.length, tone: "plain", words: [counted(tokens, "API token"), off > 0 && `${off} disabled`].filter(Boolean).join(", ") };
}

export function aboutCertificates(all: RepositoryCertificate[], now = Date.now()): Glance {
  const ends = all.map((c) => certificateEnds(c)).filter((t): t is number => t !== undefined);
  const over = ends.filter((t) => t <= now).length;
  const soon = ends.filter((t) => t > now && t < now + 30 * 86_400_000).length;
  if (over > 0) return { count: all.length, tone: "bad", words: `${counted(over, "certificate has", "certificates have")} expired` };
  if (soon > 0) return { count: all.length, tone: "bad", words: `${counted(soon, "expires", "expire")} within a month` };
  const keys = all.filter((c) => c.certType === "ssh").length;
  if (all.length === 0) return { count: 0, tone: "plain", words: "None: servers are trusted as the system does" };
  return { count: all.length, tone: "plain", words: `${counted(all.length - keys, "certificate")}, ${counted(keys, "host key")}` };
}

export function aboutKeys(all: GnuPGPublicKey[]): Glance {
  return { count: all.length, tone: "plain", words: all.length === 0 ? "None: signatures are not checked" : "Projects say which of them they need" };
}
