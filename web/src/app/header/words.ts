// Short words for what stands in the record of an application.
import type { Application, ApplicationCondition, ApplicationSource } from "../../types";
import { safe } from "../../ui/SafeLink";

/** A source in two parts: its repository without the scheme, and where in it. */
export function sourceWords(s: ApplicationSource): { repository: string; place: string } {
  const repository = (s.repoURL ?? "").replace(/^[a-z+]+:\/\//, "").replace(/^git@([^:]+):/, "$1/").replace(/\.git$/, "");
  const at = s.targetRevision || "HEAD";
  if (s.chart) return { repository, place: ` ${s.chart} ${at}` };
  const path = s.path && s.path !== "." ? ` /${s.path.replace(/^\/+/, "")}` : s.ref ? ` (values as $${s.ref})` : "";
  return { repository, place: `${path} @ ${at}` };
}

/** Where the objects go: "in-cluster / shop". */
export function destinationWords(record: Application): string {
  const d = record.spec?.destination;
  const cluster = d?.name || (d?.server === "https://kubernetes.default.svc" ? "in-cluster" : (d?.server ?? "").replace(/^https?:\/\//, "")) || "nowhere";
  return d?.namespace ? `${cluster} / ${d.namespace}` : cluster;
}

/** The conditions that a person should know about: those of Kubernetes' own sort (with a status) say the same as the marks. */
export function conditionsOf(record: Application): { errors: ApplicationCondition[]; warnings: ApplicationCondition[] } {
  const list = (record.status?.conditions ?? []).filter((c) => !c.status);
  const isError = (c: ApplicationCondition) => (c.type ?? "").endsWith("Error");
  return { errors: list.filter(isError), warnings: list.filter((c) => !isError(c)) };
}

export interface Notice {
  text: string;
  severity: "info" | "warning" | "critical";
  link?: string;
  permanent: boolean;
}

const noticePrefix = "notice.argocd.argoproj.io/";

/** The notice of an application's annotations, if it is meant for its own screen. */
export function noticeOf(record: Application): Notice | undefined {
  const annotations = (record.metadata?.annotations ?? {}) as Record<string, string>;
  const of = (name: string) => annotations[noticePrefix + name]?.trim() ?? "";
  const text = of("content").slice(0, 500);
  if (!text || of("scope") === "icon") return undefined;
  const severity = of("severity").toLowerCase();
  const link = of("url");
  return {
    text,
    severity: severity === "warning" || severity === "critical" ? severity : "info",
    link: /^https?:/i.test(link) ? safe(link) : undefined,
    permanent: of("permanent") === "true",
  };
}
