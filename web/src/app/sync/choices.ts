// What a person chooses for a sync: what stands in the form, in the address, and in the request.
import type { Application, ApplicationSyncRequest, AppName, ObjectKey, RetryStrategy, SyncOperationResource, SyncPreviewRequest, SyncStrategy } from "../../types";
import { nodeOf, parseNode } from "../search";

export interface SyncChoices {
  /** One for each source, in their order; empty ones mean the source's own targetRevision. */
  revisions: string[];
  scope: "all" | "outofsync" | "chosen";
  /** The chosen objects, as the address names them: group/kind/namespace/name. */
  chosen: string[];
  prune: boolean;
  dryRun: boolean;
  applyOnly: boolean;
  force: boolean;
  replace: boolean;
  serverSide: boolean;
  createNamespace: boolean;
  skipValidation: boolean;
  pruneLast: boolean;
  propagation: Propagation;
  retry: Retry | null;
}

export type Propagation = "foreground" | "background" | "orphan";

export interface Retry {
  /** How often; negative is for ever. */
  limit: number;
  /** Go durations: 5s, 3m. */
  pause: string;
  factor: number;
  longest: string;
  /** Each try uses the newest commit. */
  refresh: boolean;
}

/** The choices that are on or off, with their words in the address. */
const switches = ["prune", "dryRun", "applyOnly", "force", "replace", "serverSide", "createNamespace", "skipValidation", "pruneLast"] as const;
export type Switch = (typeof switches)[number];

/** How the sync options of an application name them. */
const named: Partial<Record<Switch, [name: string, on: string, off: string]>> = {
  replace: ["Replace", "true", "false"],
  serverSide: ["ServerSideApply", "true", "false"],
  createNamespace: ["CreateNamespace", "true", "false"],
  skipValidation: ["Validate", "false", "true"],
  pruneLast: ["PruneLast", "true", "false"],
};

const standardRetry: Retry = { limit: 5, pause: "5s", factor: 2, longest: "3m0s", refresh: false };

const sourcesOf = (a: Application) => a.spec?.sources ?? (a.spec?.source ? [a.spec.source] : []);

/** The value of an option; the last of a name counts, as on the server. */
function optionOf(list: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (const text of list) {
    const [n, v = ""] = text.split("=").map((s) => s.trim());
    if (n === name) value = v;
  }
  return value;
}

/** What a sync does when nothing is chosen: what the application's own policy says. */
export function standard(a: Application): SyncChoices {
  const own = a.spec?.syncPolicy?.syncOptions ?? [];
  const on = (s: Switch) => {
    const [name, yes] = named[s]!;
    return optionOf(own, name) === yes;
  };
  const propagation = optionOf(own, "PrunePropagationPolicy");
  return {
    revisions: sourcesOf(a).map(() => ""),
    scope: optionOf(own, "ApplyOutOfSyncOnly") === "true" ? "outofsync" : "all",
    chosen: [],
    prune: false,
    dryRun: false,
    applyOnly: false,
    force: false,
    replace: on("replace"),
    serverSide: on("serverSide"),
    createNamespace: on("createNamespace"),
    skipValidation: on("skipValidation"),
    pruneLast: on("pruneLast"),
    propagation: propagation === "background" || propagation === "orphan" ? propagation : "foreground",
    retry: retryOf(a.spec?.syncPolicy?.retry),
  };
}

function retryOf(r: RetryStrategy | undefined): Retry | null {
  if (!r?.limit) return null;
  const b = r.backoff ?? {};
  return { limit: r.limit, pause: b.duration || standardRetry.pause, factor: b.factor ?? standardRetry.factor, longest: b.maxDuration || standardRetry.longest, refresh: !!r.refresh };
}

export const newRetry = (): Retry => ({ ...standardRetry });

/** The address's word for what differs from the standard; undefined when nothing does, or when it would be too long for one. */
export function toAddress(c: SyncChoices, a: Application): string | undefined {
  const usual = standard(a);
  const q = new URLSearchParams();
  for (const s of switches) if (c[s] !== usual[s]) q.set(s, c[s] ? "" : "0");
  if (c.scope !== usual.scope) q.set("scope", c.scope);
  if (c.propagation !== usual.propagation) q.set("propagation", c.propagation);
  c.revisions.forEach((r, i) => r && q.set("r" + (i + 1), r));
  if (c.scope === "chosen") for (const node of c.chosen) q.append("o", node);
  if (JSON.stringify(c.retry) !== JSON.stringify(usual.retry)) q.set("retry", c.retry ? [c.retry.limit, c.retry.pause, c.retry.factor, c.retry.longest, c.retry.refresh ? 1 : 0].join(" ") : "0");
  const text = q.toString().replace(/=(?=&|$)/g, "");
  return text === "" || text.length > 1800 ? undefined : text;
}

/** Reads what toAddress wrote; what cannot be understood is as usual. */
export function fromAddress(text: string | undefined, a: Application): SyncChoices {
  const c = standard(a);
  const q = new URLSearchParams(text ?? "");
  for (const s of switches) if (q.has(s)) c[s] = q.get(s) !== "0";
  const scope = q.get("scope");
  if (scope === "all" || scope === "outofsync" || scope === "chosen") c.scope = scope;
  const propagation = q.get("propagation");
  if (propagation === "foreground" || propagation === "background" || propagation === "orphan") c.propagation = propagation;
  c.revisions = c.revisions.map((_, i) => q.get("r" + (i + 1)) ?? "");
  c.chosen = q.getAll("o").filter((o) => parseNode(o));
  if (c.chosen.length > 0 && !scope) c.scope = "chosen";
  const retry = q.get("retry")?.split(" ");
  if (retry?.length === 1) c.retry = null;
  if (retry?.length === 5) {
    const [limit, pause, factor, longest, refresh] = retry;
    c.retry = { limit: Number(limit) || 0, pause: pause!, factor: Number(factor) || 2, longest: longest!, refresh: refresh === "1" };
  }
  return c;
}

/** The choices with which only these objects are synced: for links from elsewhere. */
export function onlyThese(keys: ObjectKey[], a: Application, more: Partial<SyncChoices> = {}): string | undefined {
  return toAddress({ ...standard(a), scope: "chosen", chosen: keys.map(nodeOf), ...more }, a);
}

/** The options to send; undefined when they are the application's own. An option of it is only switched off by name. */
export function optionsOf(c: SyncChoices, a: Application): string[] | undefined {
  const own = a.spec?.syncPolicy?.syncOptions ?? [];
  const usual = standard(a);
  const changes: string[] = [];
  for (const s of switches) {
    const option = named[s];
    if (option && c[s] !== usual[s]) changes.push(`${option[0]}=${c[s] ? option[1] : option[2]}`);
  }
  const out = c.scope === "outofsync";
  if (out !== (usual.scope === "outofsync")) changes.push(`ApplyOutOfSyncOnly=${out}`);
  if (c.propagation !== usual.propagation) changes.push(`PrunePropagationPolicy=${c.propagation}`);
  return changes.length > 0 ? [...own, ...changes] : undefined;
}

/** What a preview is asked for. */
export function previewOf(c: SyncChoices, a: Application, app: AppName): SyncPreviewRequest {
  const force = c.force ? { force: true } : {};
  const strategy: SyncStrategy = c.applyOnly ? { apply: force } : { hook: force };
  const resources: SyncOperationResource[] | undefined =
    c.scope === "chosen" ? c.chosen.map((o) => parseNode(o)!).map(({ group, kind, namespace, name }) => ({ ...(group && { group }), kind, name, ...(namespace && { namespace }) })) : undefined;
  const options = optionsOf(c, a);
  const request: SyncPreviewRequest = { name: app.name, appNamespace: app.namespace, prune: c.prune, dryRun: c.dryRun, strategy };
  if (resources) request.resources = resources;
  if (options) request.syncOptions = { items: options };
  if (a.spec?.sources) {
    const positions = c.revisions.flatMap((r, i) => (r.trim() ? [i + 1] : []));
    if (positions.length > 0) {
      request.sourcePositions = positions;
      request.revisions = positions.map((p) => c.revisions[p - 1]!.trim());
    }
  } else if (c.revisions[0]?.trim()) request.revision = c.revisions[0].trim();
  return request;
}

/** The sync itself: what was previewed, and how it is repeated. */
export function requestOf(c: SyncChoices, a: Application, app: AppName): ApplicationSyncRequest {
  const request: ApplicationSyncRequest = previewOf(c, a, app);
  if (JSON.stringify(c.retry) !== JSON.stringify(standard(a).retry)) request.retryStrategy = c.retry ? strategyOf(c.retry) : { limit: 0 };
  return request;
}

function strategyOf(r: Retry): RetryStrategy {
  return { limit: r.limit, refresh: r.refresh, backoff: { duration: r.pause, factor: r.factor, maxDuration: r.longest } };
}

/** What is wrong with the choices, by field; a sync needs all to be right. */
export function wrongWith(c: SyncChoices): { retry?: string; chosen?: string } {
  const wrong: { retry?: string; chosen?: string } = {};
  if (c.scope === "chosen" && c.chosen.length === 0) wrong.chosen = "Choose at least one object.";
  const duration = /^(\d+(\.\d+)?(ms|s|m|h))+$/;
  if (c.retry) {
    if (!Number.isInteger(c.retry.limit) || c.retry.limit === 0) wrong.retry = "How often is a whole number; -1 is for ever.";
    else if (!duration.test(c.retry.pause) || !duration.test(c.retry.longest)) wrong.retry = "A pause is written like 5s, 2m or 1h30m.";
    else if (!Number.isInteger(c.retry.factor) || c.retry.factor < 1) wrong.retry = "The factor is a whole number, 1 or more.";
  }
  return wrong;
}

/** The choices that a finished operation was started with, for starting it again. */
export function again(a: Application, more: Partial<SyncChoices> = {}): string | undefined {
  const op = a.status?.operationState?.operation;
  const sync = op?.sync;
  const c = standard(a);
  if (!sync) return undefined;
  c.prune = !!sync.prune;
  c.applyOnly = !!sync.syncStrategy?.apply;
  c.force = !!(sync.syncStrategy?.apply?.force || sync.syncStrategy?.hook?.force);
  if (sync.resources?.length) {
    c.scope = "chosen";
    c.chosen = sync.resources.map((r) => nodeOf({ group: r.group ?? "", kind: r.kind ?? "", namespace: r.namespace ?? "", name: r.name ?? "" }));
  }
  // An automated sync names the commit that it is for: again means what the branch is now.
  if (!op.initiatedBy?.automated && !a.spec?.sources && sync.revision) c.revisions[0] = sync.revision;
  return toAddress({ ...c, ...more }, a);
}
