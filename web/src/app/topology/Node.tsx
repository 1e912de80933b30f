// One node of the tree and of the network: a card with a picture for its kind, its name, and what is true of it.
import { Link } from "@tanstack/react-router";
import { ArrowUpRight, ChevronDown, ChevronRight, CircleAlert, Ghost, GitBranch, Globe, ListCollapse, Package, Trash2, Unplug, Zap } from "lucide-react";
import { memo, type ReactNode } from "react";
import { between, exact, useNow } from "../../time";
import type { AppName } from "../../types";
import { SafeLink } from "../../ui/SafeLink";
import { HealthMark, SyncMark, toneOf } from "../../ui/Status";
import { useRevision } from "../data";
import { repository, revisionOf, sayCard, type AppCard, type Card, type OutsideCard, type SourceCard } from "./cards";
import { nameOfFold, sayFold, type FoldShown, type ItemShown } from "./fold";
import { KindIcon } from "./kinds";
import type { Item } from "./model";
import styles from "./topology.module.css";

export interface NodeProps {
  card: Card;
  app: AppName;
  selected: boolean;
  /** The Tab key leads to it, before the arrow keys have led elsewhere. */
  start?: boolean;
  /** Counts the changes that were told since the screen was opened. */
  changes: number;
  onOpen: (card: Card) => void;
  /** Opens and closes what stands behind an object. */
  onKnob?: (card: ItemShown) => void;
}

export const Node = memo(function Node({ card, app, selected, start, changes, onOpen, onKnob }: NodeProps) {
  const item = card.type === "item" ? card.item : undefined;
  return (
    <div
      className={`${styles.card} ${styles[card.type]}`}
      data-selected={selected || undefined}
      data-quiet={(card.type === "item" && card.quiet) || undefined}
      data-orphaned={item?.orphaned || undefined}
      data-missing={item?.health === "Missing" || undefined}
      data-prune={item?.prune || undefined}
      data-open={(card.type === "fold" && card.open) || undefined}
      data-tone={item ? bad(item) : undefined}
    >
      {changes > 0 && <span key={changes} className={styles.pulse} aria-hidden />}
      {card.type === "outside" ? (
        <Outside card={card} />
      ) : (
        <button
          type="button"
          className={styles.face}
          data-node={card.id}
          tabIndex={start ? 0 : -1}
          aria-expanded={card.type === "fold" && card.why !== "more" ? card.open : undefined}
          aria-current={selected || undefined}
          title={item ? [`${item.key.kind} ${item.key.name}`, item.failed, item.reason].filter(Boolean).join("\n") : undefined}
          onClick={() => onOpen(card)}
        >
          <span className="unseen">{sayCard(card)}</span>
          <span className={styles.seen} aria-hidden>
            {card.type === "source" && <Source card={card} app={app} />}
            {card.type === "app" && <App card={card} />}
            {card.type === "fold" && <Fold card={card} />}
            {card.type === "item" && <ItemFace item={card.item} />}
          </span>
        </button>
      )}
      {item?.app && (
        <Link to="/applications/$namespace/$name" params={item.app} className={styles.go} data-inner tabIndex={-1} aria-label={`Open application ${item.key.name}`} title={`Open application ${item.key.name}`}>
          open
          <ArrowUpRight aria-hidden />
        </Link>
      )}
      {card.type === "item" && card.below > 0 && onKnob && (
        <button type="button" className={styles.knob} tabIndex={-1} data-closed={card.closed || undefined} aria-label={card.closed ? `Show the ${card.below} objects of ${card.item.key.name}` : `Fold the objects of ${card.item.key.name}`} onClick={() => onKnob(card)}>
          {card.closed ? `+${card.below}` : <span aria-hidden>−</span>}
        </button>
      )}
    </div>
  );
});

/** The tone of what is not well; what is well stays calm. */
const bad = (i: Item) => (i.health && i.health !== "Healthy" ? toneOf(i.health) : i.failed ? "degraded" : i.prune || i.sync === "OutOfSync" ? "outofsync" : undefined);

function ItemFace({ item }: { item: Item }) {
  const third = lineOf(item);
  return (
    <>
      <KindIcon kind={item.key.kind} />
      <span className={styles.lines}>
        <span className={styles.top}>
          <Name of={item} />
          <span className={styles.marks}>
            {item.sync && <SyncMark of={item.sync} bare />}
            {item.health && <HealthMark of={item.health} bare />}
          </span>
        </span>
        <span className={styles.more}>
          <span className={styles.what}>
            {item.key.kind}
            {item.revision !== undefined && ` · rev ${item.revision}`}
            {item.pod?.ready && ` · ${item.pod.ready} ready`}
            {!!item.pod?.restarts && ` · ${item.pod.restarts} restarts`}
            {!!item.wave && ` · wave ${item.wave}`}
          </span>
          <Badges item={item} said />
          <Age of={item.created} />
        </span>
        {(third || item.app) && <span className={styles.third} data-short={!!item.app || undefined}>{third || "\u00a0"}</span>}
      </span>
    </>
  );
}

/** What is made by something else is told apart by the end of its name, which must not be cut off. */
function Name({ of: { key, parent } }: { of: Item }) {
  const at = parent === undefined ? -1 : key.name.lastIndexOf("-");
  return at > 0 && key.name.length - at < 14 ? (
    <span className={styles.name} data-ended>
      <span>{key.name.slice(0, at)}</span>
      {key.name.slice(at)}
    </span>
  ) : (
    <span className={styles.name}>{key.name}</span>
  );
}

/** Why it is as it is, and otherwise what runs in it. */
export function lineOf(item: Item): ReactNode {
  if (item.failed) return `Sync failed: ${item.failed}`;
  const images = item.images.map((i) => i.slice(i.lastIndexOf("/") + 1)).join(", ");
  if (item.pod) {
    const reason = item.pod.reason;
    return reason && reason !== "Running" ? (
      <>
        <strong>{reason}</strong> · {images}
      </>
    ) : (
      images
    );
  }
  if (item.health && item.health !== "Healthy" && item.reason) return item.reason;
  return images || item.network?.externalURLs?.map((u) => u.slice(u.indexOf("|") + 1).replace(/^https?:\/\//, "")).join(", ");
}

/** What sets an object apart: each by a shape and a word. `said`: that its sync failed stands there already. */
export function Badges({ item, said }: { item: Item; said?: boolean }) {
  return (
    <>
      {item.hook && (
        <span className={styles.badge}>
          <Zap aria-hidden />
          {item.hook}
        </span>
      )}
      {item.prune && (
        <span className={styles.badge} data-tone="outofsync">
          <Trash2 aria-hidden />
          prune
        </span>
      )}
      {item.orphaned && item.parent === undefined && (
        <span className={styles.badge}>
          <Ghost aria-hidden />
          orphaned
        </span>
      )}
      {item.failed && !said && (
        <span className={styles.badge} data-tone="degraded">
          <CircleAlert aria-hidden />
          sync failed
        </span>
      )}
    </>
  );
}

export function Age({ of }: { of?: string }) {
  const now = useNow();
  return of ? (
    <time className={styles.age} dateTime={of} title={exact(of)}>
      {between(of, undefined, now)}
    </time>
  ) : null;
}

function Source({ card, app }: { card: SourceCard; app: AppName }) {
  const { source } = card;
  const commit = useRevision(app, source.chart ? undefined : card.revision, card.index).data;
  return (
    <>
      <span className={styles.kind} aria-hidden>
        {source.chart ? <Package /> : <GitBranch />}
      </span>
      <span className={styles.lines}>
        <span className={styles.name} title={source.repoURL}>
          {repository(source) || "No source"}
        </span>
        <span className={styles.what}>{source.chart ? `chart ${source.chart}` : source.path || (source.ref ? `values, as $${source.ref}` : ".")}</span>
        <span className={styles.rev}>{revisionOf(card)}</span>
        {commit?.message && <span className={styles.third}>{`${commit.message.split("\n", 1)[0]}${commit.author ? ` · ${commit.author.replace(/\s*<.*/, "")}` : ""}`}</span>}
      </span>
    </>
  );
}

function App({ card: { record } }: { card: AppCard }) {
  const { status, metadata, spec } = record;
  const why = status?.health?.status === "Healthy" ? undefined : status?.health?.message || status?.conditions?.[0]?.message;
  return (
    <>
      <KindIcon kind="Application" />
      <span className={styles.lines}>
        <span className={styles.name}>{metadata?.name}</span>
        <span className={styles.what}>
          Application · {spec?.destination?.name || (spec?.destination?.server === "https://kubernetes.default.svc" ? "in-cluster" : spec?.destination?.server)} / {spec?.destination?.namespace}
        </span>
        <span className={styles.words}>
          <SyncMark of={status?.sync?.status} />
          <HealthMark of={status?.health?.status} />
        </span>
        {why && (
          <span className={styles.third} title={why}>
            {why}
          </span>
        )}
      </span>
    </>
  );
}

function Fold({ card }: { card: FoldShown }) {
  const Icon = card.open ? ChevronDown : ChevronRight;
  const said = sayFold(card);
  return (
    <>
      {card.why === "orphaned" ? (
        <span className={styles.kind} aria-hidden>
          <Ghost />
        </span>
      ) : card.why === "more" ? (
        <span className={styles.kind} aria-hidden>
          <ListCollapse />
        </span>
      ) : (
        <KindIcon kind={card.kind} />
      )}
      <span className={styles.lines}>
        <span className={styles.name}>{nameOfFold(card)}</span>
        {!card.open && card.why !== "more" && <span className={styles.what}>{card.why === "old" ? "former revisions, no pods" : card.why === "orphaned" ? "in its namespace, of no application" : said || "folded"}</span>}
      </span>
      <span className={styles.marks}>
        {!card.open && card.outOfSync > 0 && <SyncMark of="OutOfSync" bare />}
        {!card.open && card.healths.length > 0 && card.why !== "old" && <HealthMark of={card.healths[0][0]} bare />}
        <Icon className={styles.chevron} aria-hidden />
      </span>
    </>
  );
}

function Outside({ card }: { card: OutsideCard }) {
  const all = [...card.urls.map((u) => ({ u, link: true })), ...card.addresses.map((u) => ({ u, link: false }))];
  return (
    <div className={styles.outsideFace}>
      <span className={styles.kind} aria-hidden>
        {all.length > 0 ? <Globe /> : <Unplug />}
      </span>
      <span className={styles.lines}>
        <span className={styles.name}>Outside</span>
        {all.slice(0, 4).map(({ u, link }) => (
          <span key={u} className={styles.what}>
            {link ? <SafeLink to={u.slice(u.indexOf("|") + 1)}>{u.includes("|") ? u.slice(0, u.indexOf("|")) : u.replace(/^https?:\/\//, "").replace(/\/$/, "")}</SafeLink> : u}
          </span>
        ))}
      </span>
    </div>
  );
}
