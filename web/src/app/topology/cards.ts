// What stands in the picture, node by node, and how large each is. The size follows from the kind alone: nothing moves
// when a status changes.
import { short, sourceOf } from "../data";
import type { Application, ApplicationSource } from "../../types";
import { nameOfFold, sayFold, type Shown } from "./fold";
import type { Branch, Layout } from "./layout";
import { layOutTree } from "./layout";
import { sayItem } from "./model";

export interface SourceCard {
  type: "source";
  id: string;
  source: ApplicationSource;
  /** Which one, from 0. */
  index: number;
  revision?: string;
}

export interface AppCard {
  type: "app";
  id: string;
  record: Application;
}

/** Where people come from: the addresses by which something is reached from outside. */
export interface OutsideCard {
  type: "outside";
  id: string;
  urls: string[];
  addresses: string[];
}

export type Card = SourceCard | AppCard | OutsideCard | Shown;

const wide = 264;

/** Kinds of which there is never more to say than that they are there. */
const plain = new Set([
  "ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "EndpointSlice", "Endpoints", "ControllerRevision", "Namespace", "NetworkPolicy", "Service",
]);

export function sizeOf(card: Card): { width: number; height: number } {
  if (card.type === "outside") return { width: wide, height: 44 + 22 * Math.min(4, Math.max(1, card.urls.length + card.addresses.length)) };
  if (card.type === "source" || card.type === "app") return { width: wide, height: 92 };
  if (card.type === "fold") return { width: wide, height: card.open || card.why === "more" ? 32 : 48 };
  return { width: wide, height: plain.has(card.item.key.kind) ? 48 : 66 };
}

/** The sources of an application as nodes: nearly always one. */
export function sourceCards(record: Application): SourceCard[] {
  const { sync } = record.status ?? {};
  const several = record.spec?.sources ?? [];
  if (several.length > 0) return several.map((source, index) => ({ type: "source", id: `source/${index}`, source, index, revision: sync?.revisions?.[index] }));
  return [{ type: "source", id: "source/0", source: sourceOf(record) ?? {}, index: 0, revision: sync?.revision || undefined }];
}

/** source → application → objects → what they own → pods. */
export function drawTree(record: Application, shown: Shown[]): Layout<Card> {
  const branch = (card: Shown): Branch<Card> => ({ id: card.id, ...sizeOf(card), value: card, children: card.children.map(branch) });
  const app: AppCard = { type: "app", id: "app", record };
  const [first, ...others] = sourceCards(record);
  const leaf = (card: Card, children: Branch<Card>[] = []): Branch<Card> => ({ id: card.id, ...sizeOf(card), value: card, children });
  const layout = layOutTree<Card>([leaf(first, [leaf(app, shown.map(branch))]), ...others.map((o) => leaf(o))]);
  layout.byId.get("app")!.from = [first, ...others].map((s) => s.id);
  for (const o of others) layout.byId.get(o.id)!.to = ["app"];
  return layout;
}

/** A repository as people call it: the end of its address, acme/platform. */
export function repository(source: ApplicationSource): string {
  const url = source.repoURL ?? "";
  return /([^/:@]+[/:])?[^/:]+$/.exec(url.replace(/(\.git)?\/*$/, ""))?.[0].replace(":", "/") ?? url;
}

/** "main @ 4c1f2d9"; a version of a chart is known by one word. */
export function revisionOf({ source, revision }: SourceCard): string {
  const asked = source.targetRevision || "HEAD";
  const found = short(revision);
  return found && found !== short(asked) ? `${short(asked)} @ ${found}` : short(asked);
}

/** The name of a node for those who do not see it. */
export function sayCard(card: Card): string {
  switch (card.type) {
    case "source":
      return `Source ${repository(card.source)}, ${card.source.chart ? "chart " + card.source.chart : "path " + (card.source.path || ".")}, ${revisionOf(card)}`;
    case "app":
      return `Application ${card.record.metadata?.name}, ${card.record.status?.sync?.status ?? "Unknown"}, ${card.record.status?.health?.status ?? "Unknown"}`;
    case "outside":
      return `Outside: ${[...card.urls, ...card.addresses].join(", ")}`;
    case "fold":
      return [nameOfFold(card), sayFold(card), card.open ? "shown" : "folded"].filter(Boolean).join(", ");
    case "item":
      return sayItem(card.item) + (card.closed ? `, ${card.below} more behind it` : "");
  }
}
