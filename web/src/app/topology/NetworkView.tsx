// The network: addresses outside → Ingress → Service → pods.
import { useSearch } from "@tanstack/react-router";
import { Network } from "lucide-react";
import { useCallback, useMemo, useRef } from "react";
import { Empty } from "../../ui/Say";
import { useShow } from "../ApplicationPage";
import { Canvas } from "./Canvas";
import type { Card } from "./cards";
import { readFilter } from "./filter";
import { press } from "./fold";
import { curves } from "./layout";
import { cardsOf, cut, drawNetwork, netOf, outlineOf } from "./network";
import { Rows } from "./Outline";
import outline from "./outline.module.css";
import { useNarrow, useOpened, type ViewProps } from "./Topology";
import styles from "./topology.module.css";

export function NetworkView({ app, items, changes }: ViewProps) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const drawn = useRef<ReadonlyMap<string, unknown>>(new Map());
  const { opened, setOpened, keep } = useOpened(search.node, (id) => drawn.current.has(id));
  const net = useMemo(() => netOf(items), [items]);
  const narrow = useNarrow();
  const { cards, wires } = useMemo(() => {
    const filter = readFilter(search.find);
    return cardsOf(cut(net, filter), filter, opened, keep);
  }, [net, search.find, opened, keep]);
  const { layout, left } = useMemo(() => drawNetwork(cards, wires), [cards, wires]);
  drawn.current = layout.byId;

  const go = useRef(show);
  go.current = show;
  const onOpen = useCallback((card: Card) => {
    if (card.type === "item") go.current({ node: card.id });
    else if (card.type === "fold") setOpened((o) => press(o, card));
  }, []);

  if (layout.places.length === 0) {
    return (
      <Empty title={net.items.length === 0 ? "Nothing is reached over the network" : "Nothing of the network matches"} icon={<Network />}>
        <p>
          {net.items.length === 0
            ? "This view shows how requests come in: from an Ingress to a Service to its pods. This application has none of them in the cluster."
            : "The objects that the filter leaves are not part of the network. The tree and the list show them."}
        </p>
      </Empty>
    );
  }
  if (narrow) {
    return (
      <div className={outline.outline}>
        <Rows shown={outlineOf(cards, wires)} label="Network" changes={changes} onToggle={(s) => setOpened((o) => press(o, s))} />
      </div>
    );
  }
  return (
    <>
      {left > 0 && <p className={styles.note}>{left === 1 ? "One more route is" : `${left.toLocaleString("en")} more routes are`} not drawn: find objects by name to see them.</p>}
      <Canvas
        app={app}
        layout={layout}
        lines={curves}
        selected={search.node}
        changes={changes}
        look={`${search.find ?? ""} ${search.orphaned ?? ""}`}
        label="Network of the application, from outside on the left to the pods on the right"
        onOpen={onOpen}
        onClose={() => show({ node: undefined, tab: undefined })}
      />
    </>
  );
}
