// The tree: source → application → objects → what they own → pods.
import { useCallback, useMemo, useRef } from "react";
import { useSearch } from "@tanstack/react-router";
import { Empty } from "../../ui/Say";
import { useShow } from "../ApplicationPage";
import { Canvas } from "./Canvas";
import { drawTree, type Card } from "./cards";
import { readFilter } from "./filter";
import { fold, press } from "./fold";
import { trunks } from "./layout";
import { useOpened, type ViewProps } from "./Topology";
import styles from "./topology.module.css";

export function TreeView({ app, record, items, changes }: ViewProps) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const drawn = useRef<ReadonlyMap<string, unknown>>(new Map());
  const { opened, setOpened, keep } = useOpened(search.node, (id) => drawn.current.has(id));
  const layout = useMemo(
    () => drawTree(record, fold(items, { filter: readFilter(search.find), opened, keep, orphaned: !!search.orphaned })),
    [record, items, search.find, search.orphaned, opened, keep],
  );
  drawn.current = layout.byId;

  const go = useRef(show);
  go.current = show;
  const onOpen = useCallback((card: Card) => {
    if (card.type === "item") go.current({ node: card.id });
    else if (card.type === "fold") setOpened((o) => press(o, card));
    else if (card.type === "app") go.current({ panel: "details" });
    else if (card.type === "source") go.current({ panel: "history" });
  }, []);
  const onKnob = useCallback((card: Card) => card.type === "item" && setOpened((o) => press(o, card)), []);

  return (
    <>
      <Canvas
        app={app}
        layout={layout}
        lines={trunks}
        selected={search.node}
        changes={changes}
        look={`${search.find ?? ""} ${search.orphaned ?? ""}`}
        label={`Tree of ${items.length} objects, from the source on the left to the pods on the right`}
        onOpen={onOpen}
        onKnob={onKnob}
        onClose={() => show({ node: undefined, tab: undefined })}
      />
      {items.length === 0 && (
        <div className={styles.over}>
          <NoObjects record={record} />
        </div>
      )}
    </>
  );
}

/** Why there are no objects, and what to do. */
export function NoObjects({ record }: Pick<ViewProps, "record">) {
  const conditions = record.status?.conditions?.filter((c) => c.message) ?? [];
  if (conditions.length > 0) {
    return (
      <Empty title="Its objects are not known">
        {conditions.slice(0, 3).map((c, i) => (
          <p key={i}>{c.message}</p>
        ))}
      </Empty>
    );
  }
  return (
    <Empty title="No objects yet">
      <p>The path of its source has no manifests, or they were not compared yet. Look at the path and the branch in the details, or refresh.</p>
    </Empty>
  );
}
