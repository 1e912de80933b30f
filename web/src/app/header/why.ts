// The sentence above an application, and when to ask for it anew. What it says is decided by the server (internal/why), so
// that the page, `hawser why` and whoever asks the API read the same.
import type { Application, ApplicationTree, WhyObject, WhyWord } from "../../types";
import { nodeOf } from "../search";

export type Tone = "healthy" | "progressing" | "degraded" | "outofsync" | "suspended" | "missing" | "unknown";

const tones: Record<string, Tone> = {
  Well: "healthy",
  Healthy: "healthy",
  Held: "suspended",
  Suspended: "suspended",
  Differs: "outofsync",
  NeverSynced: "missing",
  Missing: "missing",
  Failed: "degraded",
  Stopped: "degraded",
  Degraded: "degraded",
  Deleting: "degraded",
  Unreachable: "unknown",
  Syncing: "progressing",
  Waiting: "progressing",
  Asked: "progressing",
  Progressing: "progressing",
};

export const toneOfState = (state: string | undefined): Tone => tones[state ?? ""] ?? "unknown";

/** What of an application and its objects the sentence depends on: when it changes, the sentence may. */
export function signature(record: Application, tree: ApplicationTree | undefined): string {
  const { status, metadata, operation, spec } = record;
  const op = status?.operationState;
  const parts: unknown[] = [
    metadata?.deletionTimestamp,
    !!operation,
    status?.sync?.status,
    status?.sync?.revision,
    status?.sync?.revisions,
    status?.health?.status,
    status?.health?.message,
    op?.phase,
    op?.message,
    op?.startedAt,
    op?.retryCount,
    status?.history?.length && status.history[status.history.length - 1].id,
    status?.conditions?.map((c) => [c.type, c.message]),
    spec?.syncPolicy?.automated,
  ];
  let resources = 0;
  for (const r of status?.resources ?? []) {
    resources++;
    if (r.status !== "Synced") parts.push(r.kind + "/" + r.name, r.status, r.requiresPruning);
  }
  let nodes = 0;
  for (const n of tree?.nodes ?? []) {
    nodes++;
    const health = n.health?.status;
    if (health && health !== "Healthy") parts.push(n.uid, health, n.health?.message);
  }
  return JSON.stringify([...parts, resources, nodes]);
}

/** The node of the address that opens an object. */
export const nodeOfWord = (o: WhyObject): string => nodeOf({ group: o.group ?? "", kind: o.kind ?? "", namespace: o.namespace ?? "", name: o.name ?? "" });

/** The words, or the sentence as a whole where an answer has no words. */
export const wordsOf = (words: WhyWord[] | undefined, sentence: string | undefined): WhyWord[] => words ?? (sentence ? [{ text: sentence }] : []);

/** A JSON value as people write it: texts without quotes, and what is long cut. */
export function valueOf(json: string | undefined): string {
  if (!json) return "nothing";
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? (value === "" ? "an empty text" : value) : json;
  } catch {
    return json;
  }
}

/** A person's name without their address: "Ada Lovelace <ada@example.com>" is Ada Lovelace. */
export function personOf(author: string | undefined): string {
  const name = (author ?? "").split(" <")[0].trim();
  return name || (author ?? "");
}
