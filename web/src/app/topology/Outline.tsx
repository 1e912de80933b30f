// The tree as an indented outline, for screens that are too small for a canvas. It is part of the page: it scrolls with it.
import { Link, useSearch } from "@tanstack/react-router";
import { ChevronDown, ChevronRight } from "lucide-react";
import { useMemo, useRef, type ReactNode } from "react";
import { SafeLink } from "../../ui/SafeLink";
import { HealthMark, SyncMark } from "../../ui/Status";
import { useShow } from "../ApplicationPage";
import { repository, revisionOf, sourceCards } from "./cards";
import { readFilter } from "./filter";
import { fold, nameOfFold, press, sayFold, type FoldShown, type ItemShown, type Shown } from "./fold";
import { KindIcon } from "./kinds";
import { sayItem } from "./model";
import { Age, Badges, lineOf } from "./Node";
import { useOpened, type ViewProps } from "./Topology";
import { NoObjects } from "./TreeView";
import styles from "./outline.module.css";

export function Outline({ record, items, changes }: ViewProps) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const shownIds = useRef<Set<string>>(new Set());
  const { opened, setOpened, keep } = useOpened(search.node, (id) => shownIds.current.has(id));
  const shown = useMemo(
    () => fold(items, { filter: readFilter(search.find), opened, keep, orphaned: !!search.orphaned, limit: 6, cap: 120 }),
    [items, search.find, search.orphaned, opened, keep],
  );
  shownIds.current = useMemo(() => new Set(idsOf(shown)), [shown]);

  return (
    <div className={styles.outline}>
      {sourceCards(record).map((s) => (
        <p key={s.id} className={styles.source}>
          {repository(s.source)} <span>{s.source.chart ?? (s.source.path === "." ? "" : s.source.path)}</span> <code>{revisionOf(s)}</code>
        </p>
      ))}
      {items.length === 0 ? <NoObjects record={record} /> : <Rows shown={shown} label="Objects" changes={changes} onToggle={(s) => setOpened((o) => press(o, s))} />}
    </div>
  );
}

interface RowsProps {
  shown: Shown[];
  label?: string;
  changes: ViewProps["changes"];
  onToggle: (s: Shown) => void;
}

/** Rows, each with the rows below it. */
export function Rows({ shown, label, ...rest }: RowsProps): ReactNode {
  const { node } = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  return (
    <ul className={styles.list} aria-label={label}>
      {shown.map((s) => (
        <li key={s.id}>
          {s.type === "fold" ? (
            <FoldRow fold={s} onToggle={() => rest.onToggle(s)} />
          ) : (
            <ItemRow shown={s} selected={s.id === node} changes={rest.changes.get(s.id) ?? 0} onOpen={() => show({ node: s.id })} onToggle={() => rest.onToggle(s)} />
          )}
          {s.children.length > 0 && <Rows shown={s.children} {...rest} />}
        </li>
      ))}
    </ul>
  );
}

function ItemRow({ shown, selected, changes, onOpen, onToggle }: { shown: ItemShown; selected: boolean; changes: number; onOpen: () => void; onToggle: () => void }) {
  const { item } = shown;
  const third = lineOf(item);
  const url = item.network?.externalURLs?.[0];
  return (
    <div className={styles.row} data-quiet={shown.quiet || undefined} data-selected={selected || undefined} data-ill={item.health === "Degraded" || item.failed ? true : undefined}>
      {changes > 0 && <span key={changes} className={styles.pulse} aria-hidden />}
      {shown.below > 0 ? (
        <button type="button" className={styles.knob} aria-expanded={!shown.closed} aria-label={`Objects of ${item.key.kind} ${item.key.name}`} onClick={onToggle}>
          {shown.closed ? <ChevronRight aria-hidden /> : <ChevronDown aria-hidden />}
        </button>
      ) : (
        <span className={styles.knob} />
      )}
      <button type="button" className={styles.face} aria-current={selected || undefined} onClick={onOpen}>
        <span className="unseen">{sayItem(item)}</span>
        <span className={styles.seen} aria-hidden>
          <KindIcon kind={item.key.kind} />
          <span className={styles.lines}>
            <span className={styles.name}>{item.key.name}</span>
            <span className={styles.what}>
              {item.key.kind}
              {item.pod?.ready && ` · ${item.pod.ready} ready`}
              {!!item.pod?.restarts && ` · ${item.pod.restarts} restarts`}
              {shown.closed && ` · ${shown.below} below`}
              {" · "}
              <Age of={item.created} /> <Badges item={item} />
            </span>
            {third && <span className={styles.third}>{third}</span>}
          </span>
          <span className={styles.marks}>
            {item.sync && <SyncMark of={item.sync} bare />}
            {item.health && <HealthMark of={item.health} bare />}
          </span>
        </span>
      </button>
      {item.app && (
        <Link to="/applications/$namespace/$name" params={item.app} className={styles.go} aria-label={`Open application ${item.key.name}`}>
          open
        </Link>
      )}
      {url && (
        <span className={styles.go}>
          <SafeLink to={url.slice(url.indexOf("|") + 1)}>open</SafeLink>
        </span>
      )}
    </div>
  );
}

function FoldRow({ fold, onToggle }: { fold: FoldShown; onToggle: () => void }) {
  return (
    <div className={styles.row}>
      <button type="button" className={styles.foldFace} aria-expanded={fold.why === "more" ? undefined : fold.open} onClick={onToggle}>
        <span className={styles.knob}>{fold.open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}</span>
        <span className={styles.name}>{nameOfFold(fold)}</span>
        <span className={styles.what}>{fold.why === "old" ? "former revisions" : sayFold(fold)}</span>
      </button>
    </div>
  );
}

function idsOf(shown: Shown[]): string[] {
  return shown.flatMap((s) => [s.id, ...idsOf(s.children)]);
}
