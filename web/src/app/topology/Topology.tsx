// The views of an application. The tree tells what owns what, the network what reaches what, the list and the pods are
// the same objects in rows and in squares. Each shows what the filter in the address leaves.
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useSearch } from "@tanstack/react-router";
import { useSettings } from "../../session";
import type { Application, ApplicationTree, AppName } from "../../types";
import { Button } from "../../ui/Button";
import { Empty, Waiting } from "../../ui/Say";
import { useShow } from "../ApplicationPage";
import { asksNothing, matches, readFilter } from "./filter";
import type { Opened } from "./fold";
import { above, itemsOf, signature, type Item } from "./model";
import { readOpened, writeOpened } from "./opened";
import { Toolbar } from "./Toolbar";
import styles from "./topology.module.css";

const TreeView = lazy(() => import("./TreeView").then((m) => ({ default: m.TreeView })));
const NetworkView = lazy(() => import("./NetworkView").then((m) => ({ default: m.NetworkView })));
const ListView = lazy(() => import("./ListView").then((m) => ({ default: m.ListView })));
const PodsView = lazy(() => import("./PodsView").then((m) => ({ default: m.PodsView })));
const Outline = lazy(() => import("./Outline").then((m) => ({ default: m.Outline })));

export interface ViewProps {
  app: AppName;
  record: Application;
  tree: ApplicationTree;
  items: Item[];
  changes: ReadonlyMap<string, number>;
}

export function Topology({ app, record, tree }: { app: AppName; record: Application; tree: ApplicationTree }) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const control = useSettings()?.controllerNamespace ?? record.status?.controllerNamespace ?? "argocd";
  const show = useShow();
  const narrow = useNarrow();
  const items = useMemo(() => itemsOf(record, tree), [record, tree]);
  const changes = useChanges(items);
  const counted = useMemo(() => (search.orphaned ? items : items.filter((i) => !i.orphaned)), [items, search.orphaned]);
  const filter = useMemo(() => readFilter(search.find), [search.find]);
  const found = useMemo(() => (asksNothing(filter) ? counted.length : counted.filter((i) => matches(filter, i)).length), [counted, filter]);

  const props: ViewProps = { app, record, tree, items: counted, changes };
  const nothing = found === 0 && counted.length > 0;
  const View = search.view === "network" ? NetworkView : search.view === "list" ? ListView : search.view === "pods" ? PodsView : narrow ? Outline : TreeView;
  return (
    <section className={styles.topology} aria-label={`Objects of ${app.name}`}>
      <Toolbar above={above(record, control)} items={counted} found={found} orphans={tree.orphanedNodes?.length ?? 0} />
      {nothing ? (
        <Empty title="No object matches">
          <p>{counted.length === 1 ? "There is one object" : `There are ${counted.length} objects`}, and the filter leaves none of them.</p>
          <Button onClick={() => show({ find: undefined })}>Show all</Button>
        </Empty>
      ) : (
        <Suspense fallback={<Waiting>Drawing</Waiting>}>
          <View {...props} />
        </Suspense>
      )}
    </section>
  );
}

/** Counts, for each object, the changes that were told since the screen was opened. */
function useChanges(items: Item[]): ReadonlyMap<string, number> {
  const last = useRef<{ items: Item[]; signatures: Map<string, string>; changes: ReadonlyMap<string, number> }>(undefined);
  if (last.current?.items !== items) {
    const was = last.current;
    const signatures = new Map(items.map((i) => [i.id, signature(i)]));
    let changes = was?.changes ?? new Map<string, number>();
    if (was) {
      const changed = items.filter((i) => was.signatures.get(i.id) !== signatures.get(i.id));
      if (changed.length > 0) {
        const next = new Map(changes);
        for (const i of changed) next.set(i.id, (next.get(i.id) ?? 0) + 1);
        changes = next;
      }
    }
    last.current = { items, signatures, changes };
  }
  return last.current!.changes;
}

const media = window.matchMedia?.("(max-width: 640px)");

/** A screen that is too small for a canvas. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (tell) => {
      media?.addEventListener("change", tell);
      return () => media?.removeEventListener("change", tell);
    },
    () => media?.matches ?? false,
  );
}

/** What the reader has folded out and in; what a link leads to is shown in any case. */
export function useOpened(node: string | undefined, isShown: (id: string) => boolean) {
  const { open } = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const [opened, setMap] = useState<Opened>(() => readOpened(open));
  const [keep, setKeep] = useState<ReadonlySet<string>>(() => new Set(node ? [node] : []));
  if (node !== undefined && !keep.has(node) && !isShown(node)) setKeep(new Set([...keep, node]));
  const latest = useRef({ opened, show, written: open });
  latest.current.show = show;
  // The address was changed by somebody else: the way back, a link.
  useEffect(() => {
    const now = latest.current;
    if (open === now.written) return;
    now.written = open;
    setMap((now.opened = readOpened(open)));
  }, [open]);
  const setOpened = useCallback((change: (opened: Opened) => Opened) => {
    const now = latest.current;
    setMap((now.opened = change(now.opened)));
    now.written = writeOpened(now.opened);
    now.show({ open: now.written }, true);
  }, []);
  return { opened, setOpened, keep };
}
