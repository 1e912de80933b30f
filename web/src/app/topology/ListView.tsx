// All objects in rows. Only the rows in the window are drawn, so that thousands cost no more than twenty.
import { Link, useSearch } from "@tanstack/react-router";
import { useVirtualizer, useWindowVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { HealthMark, SyncMark } from "../../ui/Status";
import { useShow } from "../ApplicationPage";
import { matches, readFilter } from "./filter";
import { KindIcon } from "./kinds";
import { sayItem, type Item } from "./model";
import { Age, Badges } from "./Node";
import { columns, nextSort, readSort, sorted, type Column } from "./rows";
import { useNarrow, type ViewProps } from "./Topology";
import { NoObjects } from "./TreeView";
import styles from "./list.module.css";

const names: Record<Column, string> = { kind: "Kind", name: "Name", namespace: "Namespace", wave: "Wave", sync: "Sync", health: "Health", age: "Age" };
const titles: Partial<Record<Column, string>> = { wave: "Sync wave: lower ones are applied first" };

export function ListView(props: ViewProps) {
  const narrow = useNarrow();
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const rows = useMemo(() => {
    const filter = readFilter(search.find);
    return sorted(props.items.filter((i) => matches(filter, i)), search.sort);
  }, [props.items, search.find, search.sort]);
  if (rows.length === 0) return <NoObjects record={props.record} />;
  return narrow ? <OfPage {...props} rows={rows} /> : <OfBox {...props} rows={rows} />;
}

type Rows = ViewProps & { rows: Item[] };

/** The list has a window of its own. */
function OfBox(props: Rows) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: props.rows.length, getScrollElement: () => box.current, estimateSize: () => 40, overscan: 12, getItemKey: (i) => props.rows[i].id });
  return (
    <div className={styles.frame}>
      <div ref={box} className={styles.box}>
        <Table {...props} virtual={rows} />
      </div>
    </div>
  );
}

/** On a small screen the page itself scrolls. */
function OfPage(props: Rows) {
  const ref = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => setTop(ref.current ? ref.current.getBoundingClientRect().top + window.scrollY : 0), []);
  const rows = useWindowVirtualizer({ count: props.rows.length, estimateSize: () => 64, overscan: 12, scrollMargin: top, getItemKey: (i) => props.rows[i].id });
  return (
    <div ref={ref} className={styles.page}>
      <Table {...props} virtual={rows} offset={top} />
    </div>
  );
}

function Table({ rows, changes, virtual, offset = 0 }: Rows & { virtual: Virtualizer<HTMLDivElement, Element> | Virtualizer<Window, Element>; offset?: number }) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const body = useRef<HTMLDivElement>(null);
  const [focus, setFocus] = useState(() => Math.max(0, rows.findIndex((r) => r.id === search.node)));
  const on = Math.min(focus, rows.length - 1);
  const sort = readSort(search.sort);

  const goTo = (index: number) => {
    const to = Math.max(0, Math.min(rows.length - 1, index));
    setFocus(to);
    virtual.scrollToIndex(to, { align: "auto" });
    // The row may not be drawn before the scroll has been seen.
    const look = (tries: number) => {
      const row = body.current?.querySelector<HTMLElement>(`[data-index="${to}"]`);
      if (row) row.focus({ preventScroll: true });
      else if (tries > 0) requestAnimationFrame(() => look(tries - 1));
    };
    requestAnimationFrame(() => look(10));
  };
  const onKeyDown = (e: KeyboardEvent) => {
    const by: Record<string, number> = { ArrowDown: on + 1, ArrowUp: on - 1, PageDown: on + 15, PageUp: on - 15, Home: 0, End: rows.length - 1 };
    if (e.key in by && !e.ctrlKey && !e.metaKey && !e.altKey) {
      e.preventDefault();
      goTo(by[e.key]);
    } else if (e.key === "Enter" && (e.target as HTMLElement).dataset.index) show({ node: rows[on].id });
  };
  return (
    <div role="grid" aria-label="Objects" aria-rowcount={rows.length + 1} aria-colcount={columns.length} className={styles.table} data-waves={rows.some((r) => r.wave !== undefined) || undefined}>
      <div role="row" aria-rowindex={1} className={styles.head}>
        {columns.map((c) => (
          <div key={c} role="columnheader" aria-sort={sort.column === c ? (sort.down ? "descending" : "ascending") : "none"} className={styles[c]}>
            <button type="button" title={titles[c]} onClick={() => show({ sort: nextSort(search.sort, c) }, true)}>
              {names[c]}
              {sort.column === c && (sort.down ? <ArrowUp aria-hidden /> : <ArrowDown aria-hidden />)}
            </button>
          </div>
        ))}
      </div>
      <div ref={body} role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }} onKeyDown={onKeyDown}>
        {virtual.getVirtualItems().map((v) => {
          const item = rows[v.index];
          return (
            <div
              key={v.key}
              ref={virtual.measureElement as (e: Element | null) => void}
              role="row"
              aria-rowindex={v.index + 2}
              aria-label={sayItem(item)}
              aria-selected={item.id === search.node}
              data-index={v.index}
              tabIndex={v.index === on ? 0 : -1}
              className={styles.row}
              style={{ transform: `translateY(${v.start - offset}px)` }}
              onFocus={() => setFocus(v.index)}
              onClick={(e) => !(e.target as HTMLElement).closest("a") && show({ node: item.id })}
            >
              {(changes.get(item.id) ?? 0) > 0 && <span key={changes.get(item.id)} className={styles.pulse} aria-hidden />}
              <Row item={item} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Row({ item }: { item: Item }) {
  const { key } = item;
  const why = item.failed ?? (item.pod?.reason && item.pod.reason !== "Running" ? [item.pod.reason, item.reason].filter(Boolean).join(": ") : item.health !== "Healthy" ? item.reason : undefined);
  return (
    <>
      <div role="gridcell" className={styles.kind}>
        <KindIcon kind={key.kind} />
        <span className={styles.cut} title={key.group ? `${key.kind} of ${key.group}` : key.kind}>
          {key.kind}
        </span>
      </div>
      <div role="gridcell" className={styles.name}>
        <span className={styles.cut} title={key.name}>
          {key.name}
        </span>
        <Badges item={item} />
        {item.app && (
          <Link to="/applications/$namespace/$name" params={item.app} aria-label={`Open application ${key.name}`}>
            open
          </Link>
        )}
      </div>
      <div role="gridcell" className={styles.namespace}>
        <span className={styles.cut}>{key.namespace}</span>
      </div>
      <div role="gridcell" className={styles.wave}>
        {item.wave ?? ""}
      </div>
      <div role="gridcell" className={styles.sync}>
        {item.sync && <SyncMark of={item.sync} />}
      </div>
      <div role="gridcell" className={styles.health}>
        {item.health && <HealthMark of={item.health} />}
        {why && (
          <span className={styles.why} title={why}>
            {why}
          </span>
        )}
      </div>
      <div role="gridcell" className={styles.age}>
        <Age of={item.created} />
      </div>
    </>
  );
}
