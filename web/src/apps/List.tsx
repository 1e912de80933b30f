// The applications that were found: as a table, as tiles, or on a phone as cards. Only what is on the screen is asked for
// and drawn, whether there are ten of them or ten thousand.
import { useQueries } from "@tanstack/react-query";
import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState, type KeyboardEvent, type Ref } from "react";
import type { Application, RevisionMetadata } from "../types";
import { sayFailure } from "../ui/Toast";
import type { Bulk } from "./BulkDialog";
import { namesOf, pageQuery, pageSize } from "./data";
import styles from "./List.module.css";
import { usePlace } from "./room";
import { keyOf, revisionOf } from "./row";
import { Card, Row, Tile, type RowActions } from "./Row";
import { nextSort, type AppsSearch } from "./search";
import { choose, type Selection } from "./selection";

export interface ListHandle {
  /** Puts the focus on the first application that is shown. */
  enter: () => void;
}

interface Props {
  ref: Ref<ListHandle>;
  search: AppsSearch;
  total: number;
  names: ReadonlyMap<string, string>;
  /** What was asked for has not come yet: what is shown is what was found before. */
  late: boolean;
  selection: Selection;
  onSelection: (selection: Selection) => void;
  onBulk: (bulk: Bulk) => void;
  onSort: (sort: string | undefined) => void;
}

type Look = "table" | "tiles" | "cards";

/** The height of a line, and what is between it and the next. They are fixed, so that nothing has to be measured. */
const lineHeight: Record<Look, number> = { table: 58, tiles: 176, cards: 156 };
/** What sticks to the top of the window: the bar and the search. */
const above = 50 + 57;
const headHeight = 36;


export function List({ ref, search, total, names, late, selection, onSelection, onBulk, onSort }: Props) {
  const whole = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const { width, top: begins } = usePlace(whole);
  const look: Look = search.view === "tiles" ? "tiles" : width > 0 && width < 700 ? "cards" : "table";
  const across = look === "tiles" ? Math.max(1, Math.floor((width + 12) / 300)) : 1;
  const lines = Math.ceil(total / across);
  const top = look === "table" ? begins + headHeight + 2 : begins; // where the first line begins

  const [current, setCurrent] = useState(0); // where the keyboard is
  const here = Math.min(current, total - 1);
  const wanted = useRef(-1); // what is to have the focus once it is drawn
  const [, draw] = useState(0);
  const virtual = useWindowVirtualizer({
    count: lines,
    estimateSize: () => lineHeight[look],
    overscan: look === "table" ? 10 : 4,
    scrollMargin: top,
    scrollPaddingStart: above + headHeight,
    scrollPaddingEnd: 90,
    initialRect: { width: window.innerWidth, height: window.innerHeight },
    // The line with the focus stays drawn, or the focus would be lost as soon as one scrolls.
    rangeExtractor: (range) => {
      const list = defaultRangeExtractor(range);
      const line = Math.floor(here / across);
      return list.includes(line) || line >= lines || line < 0 ? list : [...list, line].sort((a, b) => a - b);
    },
  });
  useLayoutEffect(() => virtual.measure(), [virtual, look, across]);

  const drawn = virtual.getVirtualItems();
  const pages = new Set<number>();
  for (const line of drawn) {
    pages.add(Math.floor((line.index * across) / pageSize));
    pages.add(Math.floor(Math.min(total - 1, line.index * across + across - 1) / pageSize));
  }
  const numbers = [...pages];
  const answers = useQueries({ queries: numbers.map((n) => pageQuery(search, n)) });
  const pageOf = (index: number) => answers[numbers.indexOf(Math.floor(index / pageSize))]?.data;
  const at = (index: number): [Application | undefined, RevisionMetadata | undefined] => {
    const page = pageOf(index);
    const app = page?.items?.[index % pageSize];
    const revision = app && revisionOf(app);
    return [app, revision ? page?.commits?.[revision] : undefined];
  };

  // Another search begins at its top.
  const key = JSON.stringify([search, look]);
  const shown = useRef(key);
  useEffect(() => {
    if (shown.current === key) return;
    shown.current = key;
    setCurrent(0);
    const start = (whole.current?.getBoundingClientRect().top ?? 0) + window.scrollY - above - 1;
    if (window.scrollY > start) window.scrollTo(0, start);
  }, [key]);

  const go = useCallback(
    (index: number) => {
      const to = Math.max(0, Math.min(total - 1, index));
      wanted.current = to;
      setCurrent(to);
      draw((n) => n + 1);
      virtual.scrollToIndex(Math.floor(to / across), { align: "auto" });
    },
    [total, across, virtual],
  );
  useLayoutEffect(() => {
    if (wanted.current < 0) return;
    const link = box.current?.querySelector<HTMLElement>(`[data-index="${wanted.current}"] [data-name]`);
    if (!link) return;
    wanted.current = -1;
    link.focus({ preventScroll: true });
  });
  useImperativeHandle(ref, () => ({
    enter: () => {
      const first = drawn.find((l) => l.start >= window.scrollY + above) ?? drawn[0];
      if (first) go(first.index * across);
    },
  }));

  // Shift chooses all from the one that was chosen last.
  const last = useRef<{ index: number; chosen: boolean }>(undefined);
  const latest = useRef({ selection, search });
  latest.current = { selection, search };
  const onChoose = useCallback(
    (index: number, app: Application, chosen: boolean, range: boolean) => {
      const from = last.current?.index;
      last.current = { index, chosen };
      if (!range || from === undefined || from === index) {
        onSelection(choose(latest.current.selection, [app], chosen));
        return;
      }
      void namesOf(latest.current.search, Math.min(from, index), Math.abs(from - index) + 1).then(
        (apps) => onSelection(choose(latest.current.selection, apps, chosen)),
        (e) => sayFailure("choose them", e),
      );
    },
    [onSelection],
  );
  const actions: RowActions = { onChoose, onCurrent: setCurrent, onBulk };

  const onKeyDown = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !(e.target instanceof HTMLElement)) return;
    const index = Number(e.target.closest<HTMLElement>("[data-index]")?.dataset.index ?? -1);
    if (index < 0 || e.target.closest('[role="menu"]')) return;
    const screen = Math.max(1, Math.floor((window.innerHeight - above - headHeight) / lineHeight[look]) - 1) * across;
    const to: Record<string, number> = {
      ArrowDown: index + across,
      ArrowUp: index - across,
      j: index + across,
      k: index - across,
      PageDown: index + screen,
      PageUp: index - screen,
      Home: 0,
      End: total - 1,
      ...(look === "tiles" && { ArrowRight: index + 1, ArrowLeft: index - 1 }),
    };
    if (e.key in to && !(e.key.startsWith("Arrow") && e.target.getAttribute("aria-haspopup") === "menu" && e.key === "ArrowDown")) {
      e.preventDefault();
      if (to[e.key] < 0) return;
      go(to[e.key]);
    } else if (e.key === "x") {
      const [app] = at(index);
      if (app) onChoose(index, app, !selection.has(keyOf(app)), false);
    } else if (e.key === "Escape" && selection.size > 0) {
      onSelection(new Map());
    }
  };

  const table = look === "table";
  // What was chosen under another search counts nothing here.
  const every = total > 0 && selection.size >= total && answers.every((a) => a.data?.items?.every((app) => selection.has(keyOf(app))));
  const chooseAll = (chosen: boolean) => {
    if (!chosen) return onSelection(new Map());
    void namesOf(search).then(
      (apps) => onSelection(choose(selection, apps, true)),
      (e) => sayFailure("choose all of them", e),
    );
  };
  // One flat list. A row belongs to its application and not to its place: when the order changes under the reader's hand,
  // an open menu and the focus go with the application that they were opened on.
  const keys = new Set<string>();
  const parts = drawn.flatMap((line) => {
    const y = line.start - top;
    return Array.from({ length: Math.min(across, total - line.index * across) }, (_, i) => {
      const index = line.index * across + i;
      const [app, commit] = at(index);
      let key = app ? keyOf(app) : String(index);
      if (keys.has(key)) key = String(index); // two pages that were read one after the other may both have it
      keys.add(key);
      const props = {
        index,
        app,
        commit,
        names,
        total,
        y,
        chosen: !!app && selection.has(keyOf(app)),
        current: index === here,
        actions,
        // Whoever chooses one is about to choose more.
        choosing: selection.size > 0,
      };
      return table ? (
        <Row key={key} {...props} />
      ) : look === "cards" ? (
        <Card key={key} {...props} />
      ) : (
        <Tile key={key} {...props} x={(i * (width + 12)) / across} width={(width + 12) / across - 12} />
      );
    });
  });
  const body = { className: styles.lines, style: { height: virtual.getTotalSize() } };
  return (
    <div ref={whole} className={`${styles.list} ${late ? styles.late : ""}`} aria-busy={late} onKeyDown={onKeyDown}>
      {table ? (
        <div role="grid" aria-label="Applications" aria-rowcount={total + 1} aria-multiselectable className={styles.grid}>
          <div role="rowgroup" className={styles.head}>
            <div role="row" aria-rowindex={1} className={styles.columns}>
              <span role="columnheader">
                <input
                  type="checkbox"
                  aria-label={`Choose all ${total.toLocaleString()} applications that match`}
                  title={`Choose all ${total.toLocaleString()} that match`}
                  checked={every}
                  ref={(e) => {
                    if (e) e.indeterminate = selection.size > 0 && !every;
                  }}
                  onChange={(e) => chooseAll(e.target.checked)}
                />
              </span>
              {columns.map(([sort, name, className]) => (
                <Column key={name} sort={sort} name={name} className={className} now={search.sort ?? "name"} onSort={() => onSort(nextSort(search.sort, sort))} />
              ))}
              <span role="columnheader" className="unseen">
                Actions
              </span>
            </div>
          </div>
          <div role="rowgroup" ref={box} {...body}>
            {parts}
          </div>
        </div>
      ) : (
        <div role="list" aria-label="Applications" ref={box} {...body}>
          {parts}
        </div>
      )}
    </div>
  );
}

const columns: [sort: string, name: string, className?: string][] = [
  ["name", "Application"],
  ["health", "Health"],
  ["sync", "Sync"],
  ["", "Revision"],
  ["destination", "Destination", styles.destination],
  ["operation", "Last operation", styles.operation],
  ["created", "Age", styles.age],
];

function Column({ sort, name, now, className, onSort }: { sort: string; name: string; now: string; className?: string; onSort: () => void }) {
  if (!sort) {
    return (
      <span role="columnheader" className={className}>
        {name}
      </span>
    );
  }
  const by = now.replace(/^-/, "") === sort;
  // Times grow: what is newest has the greatest.
  const down = now.startsWith("-");
  return (
    <span role="columnheader" className={className} aria-sort={by ? (down ? "descending" : "ascending") : undefined}>
      <button type="button" onClick={onSort} className={by ? styles.by : undefined}>
        {name}
        {by && (down ? <ArrowDown aria-hidden /> : <ArrowUp aria-hidden />)}
      </button>
    </span>
  );
}
