// What happened to an application, from three sources: Kubernetes Events about it (which the cluster forgets after an hour
// or so), its deployments, and its conditions.
import type { Application, V1Event } from "../../types";
import { short } from "../data";
import { entriesOf } from "../history/history";

export const kinds = ["sync", "health", "operation", "drift", "change", "condition"] as const;
export type Kind = (typeof kinds)[number];
export type Tone = "good" | "bad" | "warn" | "going" | "plain";

export interface Item {
  /** Stable, so that a new item does not draw the others anew. */
  id: string;
  at: string;
  kind: Kind;
  tone: Tone;
  title: string;
  text: string;
  /** How often, when more than once. */
  count: number;
  /** Of a deployment: its number in the history. */
  deployment?: number;
}

/** Everything, newest first. */
export function timeline(events: V1Event[], record: Application): Item[] {
  const items: Item[] = events.map(ofEvent).filter((i) => i.at);
  const told = items.filter((i) => i.kind === "operation" && i.title === "Synced");
  for (const e of entriesOf(record)) {
    if (e.id === undefined || !e.ended) continue;
    const revision = e.revisions.map(short).join(", ");
    const twin = told.find((i) => i.deployment === undefined && Math.abs(Date.parse(i.at) - Date.parse(e.ended!)) <= 2000 && i.text.includes(revision));
    if (twin) {
      twin.deployment = e.id;
      continue;
    }
    items.push({ id: `deployment-${e.id}`, at: e.ended, kind: "operation", tone: "good", title: "Synced", text: `Deployed ${revision} by ${e.by}`, count: 1, deployment: e.id });
  }
  for (const c of record.status?.conditions ?? []) {
    if (!c.lastTransitionTime || c.status) continue;
    const error = (c.type ?? "").endsWith("Error");
    items.push({ id: `condition-${c.type}-${c.lastTransitionTime}-${c.message}`, at: c.lastTransitionTime, kind: "condition", tone: error ? "bad" : "warn", title: c.type ?? "Condition", text: shortened(c.message ?? ""), count: 1 });
  }
  // Of what happened in one second the order is that in which it was told.
  return items.map((item, i) => ({ item, i })).sort((a, b) => Date.parse(b.item.at) - Date.parse(a.item.at) || b.i - a.i).map(({ item }) => item);
}

/** Whole commits in somebody's words, as people write them. */
export const shortened = (text: string) => text.replace(/\b[0-9a-f]{40}\b/g, (sha) => short(sha)).replace(/'([0-9a-f]{7})'/g, "$1");

function ofEvent(e: V1Event): Item {
  const at = e.series?.lastObservedTime ?? e.lastTimestamp ?? e.eventTime ?? e.firstTimestamp ?? e.metadata?.creationTimestamp ?? "";
  const message = shortened(e.message ?? "");
  const bad = e.type === "Warning";
  const item = (kind: Kind, tone: Tone, title: string, text = message): Item => ({ id: e.metadata?.uid ?? `${e.reason}-${at}-${message}`, at, kind, tone, title, text, count: e.series?.count ?? e.count ?? 1 });
  const status = /^Updated (sync|health) status: (\w*) -> (\w*)$/.exec(message);
  if (status) {
    const [, what, from, to] = status;
    return item(what === "sync" ? "sync" : "health", tones[to!] ?? "plain", to || "Unknown", from ? `was ${from}` : "first seen so");
  }
  switch (e.reason) {
    case "OperationStarted":
      return item("operation", "going", "Sync began");
    case "OperationCompleted":
      return /succeeded$/.test(message) ? item("operation", "good", "Synced") : item("operation", "bad", "Sync failed");
    case "DriftDetected":
      return item("drift", "warn", "Drift");
    case "DriftHealed":
      return item("drift", "good", "Drift healed");
    case "ResourceCreated":
      return item("change", "plain", "Created");
    case "ResourceUpdated":
      return item("change", bad ? "warn" : "plain", "Changed");
    case "ResourceDeleted":
      return item("change", bad ? "bad" : "warn", "Deleted");
    case "ResourceActionRan":
      return item("change", "plain", "Action");
  }
  return item("change", bad ? "warn" : "plain", e.reason ?? "Event");
}

const tones: Record<string, Tone> = { Synced: "good", Healthy: "good", OutOfSync: "warn", Missing: "warn", Degraded: "bad", Progressing: "going", Suspended: "warn", Unknown: "warn" };

/** What is shown, as the address has it: the kinds joined by "+", and after a colon the words. */
export interface Filter {
  kinds: Kind[];
  words: string;
}

export function parseFilter(tab: string | undefined): Filter {
  const [list = "", ...rest] = (tab ?? "").split(":");
  return { kinds: list.split("+").filter((k): k is Kind => kinds.includes(k as Kind)), words: rest.join(":") };
}

export const filterTab = (f: Filter): string | undefined => (f.kinds.length || f.words ? f.kinds.join("+") + (f.words ? ":" + f.words : "") : undefined);

/** No kinds are all of them; each of the words must stand somewhere. */
export function chosen(items: Item[], f: Filter): Item[] {
  const words = f.words.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter((i) => (f.kinds.length === 0 || f.kinds.includes(i.kind)) && words.every((w) => `${i.title} ${i.text} ${i.kind}`.toLowerCase().includes(w)));
}

/** Items by the day of the reader's zone, in the order that they have. */
export function byDay(items: Item[]): { day: string; items: Item[] }[] {
  const days: { day: string; items: Item[] }[] = [];
  for (const item of items) {
    const day = new Date(item.at).toDateString();
    const last = days[days.length - 1];
    if (last?.day === day) last.items.push(item);
    else days.push({ day, items: [item] });
  }
  return days;
}

/** A day as people say it. */
export function dayWords(day: string, now: number): string {
  if (day === new Date(now).toDateString()) return "Today";
  if (day === new Date(now - 86_400_000).toDateString()) return "Yesterday";
  return new Date(day).toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}
