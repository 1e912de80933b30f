// What an application is told to be, as rows of words. Nothing that is empty is a row.
import { stringify } from "yaml";
import type { Application, ApplicationSource } from "../../types";

export interface Row {
  name: string;
  /** Text, shown as it is; or lines of code. */
  text?: string;
  code?: string;
  link?: string;
}

const row = (name: string, text: string | undefined | false): Row[] => (text ? [{ name, text }] : []);
const code = (name: string, text: string | undefined): Row[] => (text ? [{ name, code: text }] : []);
const list = (name: string, values: string[] | undefined): Row[] => (values?.length ? [{ name, code: values.join("\n") }] : []);
const pairs = (name: string, values: Record<string, string> | undefined): Row[] => list(name, Object.entries(values ?? {}).map(([k, v]) => `${k}: ${v}`));
const yaml = (value: unknown) => stringify(value, { lineWidth: 0 }).trimEnd();

/** A source and all its parameters, whatever renders it. */
export function sourceRows(s: ApplicationSource): Row[] {
  const { helm, kustomize, directory, plugin } = s;
  return [
    ...(s.repoURL ? [{ name: "Repository", text: s.repoURL, link: s.repoURL }] : []),
    ...row("Name", s.name),
    ...row("Chart", s.chart),
    ...row("Path", s.path),
    ...row(s.chart ? "Version" : "Target revision", s.targetRevision || "HEAD"),
    ...row("Tag prefix", s.tagPrefix),
    ...row("Ref", s.ref && `$${s.ref} in the value files of the other sources`),
    ...row("Release name", helm?.releaseName),
    ...row("Helm namespace", helm?.namespace),
    ...row("Kubernetes version", helm?.kubeVersion ?? kustomize?.kubeVersion),
    ...list("API versions", helm?.apiVersions ?? kustomize?.apiVersions),
    ...list("Value files", helm?.valueFiles),
    ...list("Parameters", helm?.parameters?.map((p) => `${p.name}: ${p.value}${p.forceString ? " (a text)" : ""}`)),
    ...list("Parameters from files", helm?.fileParameters?.map((p) => `${p.name}: ${p.path}`)),
    ...code("Values", helm?.valuesObject !== undefined ? yaml(helm.valuesObject) : helm?.values?.trimEnd()),
    ...row("Helm options", [helm?.skipCrds && "skip CRDs", helm?.skipTests && "skip tests", helm?.skipSchemaValidation && "skip schema validation", helm?.ignoreMissingValueFiles && "ignore missing value files", helm?.passCredentials && "pass credentials"].filter(Boolean).join(", ")),
    ...list("Images", kustomize?.images),
    ...row("Name prefix", kustomize?.namePrefix),
    ...row("Name suffix", kustomize?.nameSuffix),
    ...row("Kustomize namespace", kustomize?.namespace),
    ...list("Replicas", kustomize?.replicas?.map((r) => `${r.name}: ${r.count}`)),
    ...list("Components", kustomize?.components),
    ...pairs("Common labels", kustomize?.commonLabels),
    ...pairs("Common annotations", kustomize?.commonAnnotations),
    ...code("Patches", kustomize?.patches?.length ? yaml(kustomize.patches) : undefined),
    ...row("Directory", [directory?.recurse && "with its folders", directory?.include && `only ${directory.include}`, directory?.exclude && `without ${directory.exclude}`].filter(Boolean).join(", ")),
    ...list("Jsonnet top-level arguments", directory?.jsonnet?.tlas?.map((v) => `${v.name}: ${v.value}`)),
    ...list("Jsonnet variables", directory?.jsonnet?.extVars?.map((v) => `${v.name}: ${v.value}`)),
    ...row("Plugin", plugin && (plugin.name || "found by its files")),
    ...list("Plugin environment", plugin?.env?.map((e) => `${e.name}: ${e.value}`)),
    ...code("Plugin parameters", plugin?.parameters?.length ? yaml(plugin.parameters) : undefined),
  ];
}

export function destinationRows(record: Application): Row[] {
  const d = record.spec?.destination;
  return [...row("Cluster", d?.name || d?.server), ...row("Server", d?.name ? d?.server : undefined), ...row("Namespace", d?.namespace), ...row("Project", record.spec?.project || "default")];
}

export function policyRows(record: Application): Row[] {
  const policy = record.spec?.syncPolicy;
  const retry = policy?.retry;
  const backoff = retry?.backoff;
  return [
    ...list("Sync options", policy?.syncOptions),
    ...row("Retry", retry && `${retry.limit === undefined ? 5 : retry.limit < 0 ? "without end" : retry.limit} times${backoff ? `, after ${backoff.duration ?? "5s"}, growing by ${backoff.factor ?? 2} up to ${backoff.maxDuration ?? "3m"}` : ""}`),
    ...pairs("Labels of the namespace", policy?.managedNamespaceMetadata?.labels as Record<string, string> | undefined),
    ...pairs("Annotations of the namespace", policy?.managedNamespaceMetadata?.annotations as Record<string, string> | undefined),
    ...row("Deployments kept", record.spec?.revisionHistoryLimit?.toString()),
  ];
}

/** The fields that are not compared, each rule with what it is about. */
export function ignoreRows(record: Application): Row[] {
  return (record.spec?.ignoreDifferences ?? []).map((r) => ({
    name: [r.group, r.kind].filter(Boolean).join("/") + (r.name ? ` ${r.namespace ? r.namespace + "/" : ""}${r.name}` : ""),
    code: [...(r.jsonPointers ?? []), ...(r.jqPathExpressions ?? []), ...(r.managedFieldsManagers ?? []).map((m) => `what ${m} writes`)].join("\n"),
  }));
}

export const pairRows = (values: unknown): Row[] => Object.entries((values ?? {}) as Record<string, string>).map(([name, text]) => ({ name, text }));

/** The manifest as it would be applied: without what only the API server writes; the status on request. */
export function manifest(record: Application, status: boolean): string {
  const { managedFields: _, ...metadata } = (record.metadata ?? {}) as Record<string, unknown>;
  if (!status) for (const name of ["creationTimestamp", "generation", "resourceVersion", "uid", "selfLink"]) delete metadata[name];
  return stringify(
    { apiVersion: "argoproj.io/v1alpha1", kind: "Application", metadata, spec: record.spec, ...(status ? { ...(record.operation ? { operation: record.operation } : {}), status: record.status } : {}) },
    { lineWidth: 0 },
  );
}

/** The address of an application's badge, and what to write into a README for it. */
export function badge(base: string, record: Application, control: string | undefined): { image: string; markdown: string } {
  const { name = "", namespace } = record.metadata ?? {};
  const query = new URLSearchParams({ name, ...(namespace && namespace !== control ? { namespace } : {}), revision: "true", showAppName: "true" });
  const image = `${base}/api/badge?${query}`;
  const page = `${base}/applications/${encodeURIComponent(namespace ?? control ?? "argocd")}/${encodeURIComponent(name)}`;
  return { image, markdown: `[![${name}](${image})](${page})` };
}
