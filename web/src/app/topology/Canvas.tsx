// The canvas that the tree and the network are drawn on: xyflow pans, zooms and keeps the minimap; what stands where, and
// the keys, are ours. It never moves by itself what the reader looks at.
import { MiniMap, Panel, ReactFlow, ReactFlowProvider, useReactFlow, useStore, ViewportPortal, type Node as FlowNode, type NodeProps as FlowProps } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { Keyboard, Maximize, ZoomIn, ZoomOut } from "lucide-react";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { IconButton } from "../../ui/Button";
import { SafeLink } from "../../ui/SafeLink";
import { toneOf } from "../../ui/Status";
import { Tip } from "../../ui/Tip";
import type { Card } from "./cards";
import { firstView, fit, hold, pathTo, reveal, step, type Layout, type Size, type Way } from "./layout";
import { Node, type NodeProps } from "./Node";
import styles from "./topology.module.css";

interface Props extends Pick<NodeProps, "app" | "onOpen" | "onKnob"> {
  layout: Layout<Card>;
  /** The lines between nodes; of these alone, when they are given. */
  lines: (layout: Layout<unknown>, only?: ReadonlySet<string>) => string;
  /** The node whose drawer is open. */
  selected?: string;
  changes: ReadonlyMap<string, number>;
  /** What the picture is of: another one is looked at from its beginning. */
  look: string;
  label: string;
  onClose: () => void;
}

export function Canvas(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<Size>();
  useLayoutEffect(() => {
    const measure = () => setSize({ width: box.current!.clientWidth, height: box.current!.clientHeight });
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  return (
    <div ref={box} className={styles.canvas}>
      {size && size.width > 0 && (
        <div className={styles.sheet}>
          <ReactFlowProvider>
            <Flow {...props} size={size} />
          </ReactFlowProvider>
        </div>
      )}
    </div>
  );
}

type Shown = FlowNode<NodeProps & Record<string, unknown>, "card">;

const types = { card: ({ data }: FlowProps<Shown>) => <Node {...data} /> };

function Flow({ layout, lines, selected, changes, look, label, app, onOpen, onKnob, onClose, size }: Props & { size: Size }) {
  const flow = useReactFlow();
  const far = useStore((s) => s.transform[2] < 0.5);
  const ref = useRef<HTMLDivElement>(null);
  const focus = useRef<string | undefined>(selected);
  const before = useRef({ layout, look });
  const [first] = useState(() => firstView(layout, size, selected));
  // The canvas draws its nodes later than itself, so the first of them has its place in the order of the Tab key from the start.
  const [start] = useState(() => (selected !== undefined && layout.byId.has(selected) ? selected : firstFace(layout)));

  const nodes = useMemo(() => {
    return layout.places.map(
      (p): Shown => ({
        id: p.id,
        type: "card",
        position: { x: p.x, y: p.y },
        width: p.width,
        height: p.height,
        measured: { width: p.width, height: p.height },
        data: { card: p.value, app, selected: p.id === selected, start: p.id === start, changes: changes.get(p.id) ?? 0, onOpen, onKnob },
      }),
    );
  }, [layout, selected, changes, app, onOpen, onKnob]);

  const all = useMemo(() => lines(layout), [layout, lines]);
  const strong = useMemo(() => (selected ? lines(layout, pathTo(layout, selected)) : ""), [layout, lines, selected]);

  useLayoutEffect(() => {
    const was = before.current;
    before.current = { layout, look };
    if (was.layout === layout) return;
    void flow.setViewport(was.look === look ? hold(was.layout, layout, flow.getViewport(), size, focus.current) : firstView(layout, size, selected));
  }, [layout, look]);

  // One node at a time is in the order of the Tab key; the arrow keys lead to the others.
  useEffect(() => {
    const on = (focus.current && nodeAt(ref.current, focus.current)) || nodeAt(ref.current, firstFace(layout));
    rove(ref.current, on);
  }, [layout]);

  // A node that is chosen elsewhere comes into the window.
  useEffect(() => {
    const at = selected ? layout.byId.get(selected) : undefined;
    if (!at) return;
    focus.current = selected;
    rove(ref.current, nodeAt(ref.current, selected));
    const view = flow.getViewport();
    const next = reveal(at, view, size, 0);
    if (next.x !== view.x || next.y !== view.y) void flow.setViewport(reveal(at, view, size));
  }, [selected]);

  const zoom = (by: number) => {
    const { x, y, zoom } = flow.getViewport();
    const next = Math.min(1.6, Math.max(0.05, zoom * by));
    const [cx, cy] = [size.width / 2, size.height / 2];
    void flow.setViewport({ zoom: next, x: cx - ((cx - x) / zoom) * next, y: cy - ((cy - y) / zoom) * next });
  };
  const fitAll = () => void flow.setViewport(fit(layout, size));

  const onKeyDown = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const way = ways[e.key];
    if (way) {
      e.preventDefault();
      const next = way === "first" ? firstFace(layout) : step(layout, focus.current, way);
      const place = next === undefined ? undefined : layout.byId.get(next);
      if (!place) return;
      void flow.setViewport(reveal(place, flow.getViewport(), size));
      nodeAt(ref.current, place.id)?.focus({ preventScroll: true });
    } else if (e.key === "+" || e.key === "=") zoom(1.25);
    else if (e.key === "-") zoom(0.8);
    else if (e.key === "0") fitAll();
    else if (e.key === "Escape" && selected) onClose();
    else if (e.key === " ") {
      const card = focus.current === undefined ? undefined : layout.byId.get(focus.current)?.value;
      if (card?.type !== "item" || card.below === 0 || !onKnob) return;
      e.preventDefault();
      onKnob(card);
    }
  };

  return (
    <ReactFlow
      ref={ref}
      className={styles.flow}
      data-far={far || undefined}
      nodes={nodes}
      edges={none}
      nodeTypes={types}
      defaultViewport={first}
      minZoom={0.05}
      maxZoom={1.6}
      translateExtent={[
        [-size.width / Math.min(1, first.zoom), -size.height / Math.min(1, first.zoom)],
        [layout.width + size.width * 2, layout.height + size.height * 2],
      ]}
      panOnScroll
      zoomActivationKeyCode={zoomKeys}
      zoomOnDoubleClick={false}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      disableKeyboardA11y
      deleteKeyCode={null}
      selectionKeyCode={null}
      multiSelectionKeyCode={null}
      panActivationKeyCode={null}
      proOptions={plain}
      aria-label={label}
      onKeyDown={onKeyDown}
      onFocus={(e) => {
        const node = (e.target as HTMLElement).closest<HTMLElement>("[data-node]");
        if (!node) return;
        focus.current = node.dataset.node;
        rove(ref.current, node);
      }}
    >
      <ViewportPortal>
        <svg className={styles.edges} width={Math.max(1, layout.width)} height={Math.max(1, layout.height)} aria-hidden>
          <path d={all} />
          {strong && <path d={strong} className={styles.strong} />}
        </svg>
      </ViewportPortal>
      <Panel position="bottom-left" className={styles.zoom}>
        <IconButton label="Zoom in (+)" onClick={() => zoom(1.25)}>
          <ZoomIn />
        </IconButton>
        <IconButton label="Zoom out (−)" onClick={() => zoom(0.8)}>
          <ZoomOut />
        </IconButton>
        <IconButton label="Show all (0)" onClick={fitAll}>
          <Maximize />
        </IconButton>
        <Tip text="Arrow keys go from node to node, Enter opens one, Space folds what it owns, + − 0 zoom. Drag or scroll to move; Ctrl and scroll to zoom.">
          <IconButton label="Keys">
            <Keyboard />
          </IconButton>
        </Tip>
      </Panel>
      <Panel position="bottom-right" className={styles.thanks}>
        <SafeLink to="https://reactflow.dev" plain>
          React Flow
        </SafeLink>
      </Panel>
      {layout.places.length > 24 && (
        <MiniMap<Shown> className={`${styles.minimap} ${layout.height > 2 * layout.width ? styles.tall : ""}`} pannable zoomable position="bottom-right" ariaLabel="Map of the whole picture" nodeClassName={toneOfNode} nodeBorderRadius={12} nodeStrokeWidth={0} />
      )}
    </ReactFlow>
  );
}

const none: never[] = [];
const plain = { hideAttribution: true }; // ours is a SafeLink
const zoomKeys = ["Control", "Meta"];
const ways: Record<string, Way> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", Home: "first" };

/** The first node that takes the focus: what is outside has links of its own. */
const firstFace = (layout: Layout<Card>) => layout.places.find((p) => p.value.type !== "outside")?.id;

const nodeAt = (in_: HTMLElement | null, id: string | undefined) => (id === undefined ? undefined : (in_?.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`) ?? undefined));

/** Not by React: four hundred nodes need not be drawn anew because one has the focus. */
function rove(within: HTMLElement | null, to: HTMLElement | undefined) {
  if (!within || !to) return;
  const inner = (node: Element | null | undefined) => node?.parentElement?.querySelector<HTMLElement>("[data-inner]");
  for (const old of within.querySelectorAll<HTMLElement>('[data-node][tabindex="0"]')) {
    old.tabIndex = -1;
    const link = inner(old);
    if (link) link.tabIndex = -1;
  }
  to.tabIndex = 0;
  const link = inner(to);
  if (link) link.tabIndex = 0;
}

function toneOfNode(n: Shown): string {
  const { card } = n.data;
  const health = card.type === "item" ? card.item.health : card.type === "fold" ? card.healths[0]?.[0] : card.type === "app" ? card.record.status?.health?.status : undefined;
  return `${styles.dot} ${health && health !== "Healthy" ? styles["dot-" + toneOf(health)] : ""}`;
}
