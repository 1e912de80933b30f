// Every pod as a small square, in groups: many can be seen at once, and the odd one out.
import { useSearch } from "@tanstack/react-router";
import { useMemo, useRef, useState, type FocusEvent, type KeyboardEvent, type MouseEvent } from "react";
import { Check, CheckCheck, CircleDashed, CircleHelp, Ellipsis, Pause, X, type LucideIcon } from "lucide-react";
import { Button } from "../../ui/Button";
import { Empty } from "../../ui/Say";
import { toneOf } from "../../ui/Status";
import { useShow } from "../ApplicationPage";
import { matches, readFilter } from "./filter";
import { KindIcon } from "./kinds";
import { sayItem, type Item } from "./model";
import { groupPods, stateOf, type Group } from "./squares";
import type { ViewProps } from "./Topology";
import styles from "./pods.module.css";

const shapes: Record<string, LucideIcon> = { Healthy: Check, Completed: CheckCheck, Progressing: Ellipsis, Degraded: X, Suspended: Pause, Missing: CircleDashed, Unknown: CircleHelp };
const tone = (state: string) => (state === "Completed" ? "unknown" : toneOf(state));

/** So many squares of one group are drawn at once. */
const most = 400;

export function PodsView({ items, tree, changes }: ViewProps) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const pods = useMemo(() => {
    const filter = readFilter(search.find);
    return items.filter((i) => i.pod && matches(filter, i));
  }, [items, search.find]);
  const by = search.by ?? "workload";
  const groups = useMemo(() => groupPods(items, pods, by, tree.hosts), [items, pods, by, tree.hosts]);
  const [tip, setTip] = useState<{ item: Item; x: number; y: number }>();
  const byId = useMemo(() => new Map(pods.map((p) => [p.id, p])), [pods]);

  const point = (e: MouseEvent | FocusEvent) => {
    const square = (e.target as HTMLElement).closest<HTMLElement>("[data-pod]");
    const item = square && byId.get(square.dataset.pod!);
    if (!item) return setTip(undefined);
    const box = square.getBoundingClientRect();
    setTip({ item, x: Math.max(8, Math.min(box.left, window.innerWidth - 348)), y: box.bottom + 6 });
  };

  if (pods.length === 0) {
    return (
      <Empty title="No pods">
        <p>{items.some((i) => i.pod) ? "The filter leaves none of the pods." : "Nothing of this application runs in pods now. Workloads that are not applied yet, or scaled to 0, have none."}</p>
      </Empty>
    );
  }
  return (
    <div className={styles.frame}>
      <div className={styles.view} onMouseOver={point} onFocus={point} onMouseLeave={() => setTip(undefined)} onBlur={() => setTip(undefined)}>
        <div className={styles.by} role="group" aria-label="Group pods by">
          <span>Group by</span>
          <Button small aria-pressed={by === "workload"} onClick={() => show({ by: undefined }, true)}>
            Workload
          </Button>
          <Button small aria-pressed={by === "node"} onClick={() => show({ by: "node" }, true)}>
            Node
          </Button>
        </div>
        <div className={styles.groups}>
          {groups.map((g) => (
            <Pods key={g.id} group={g} selected={search.node} changes={changes} onOpen={(id) => show({ node: id })} onOwner={g.owner && (() => show({ node: g.owner!.id }))} byNode={by === "node"} />
          ))}
        </div>
        {tip && (
          <div className={styles.tip} style={{ left: tip.x, top: tip.y }} aria-hidden>
            <strong>{tip.item.key.name}</strong>
            <span>
              {[tip.item.pod!.reason || tip.item.health, tip.item.pod!.ready && `${tip.item.pod!.ready} ready`, tip.item.pod!.restarts && `${tip.item.pod!.restarts} restarts`, tip.item.pod!.node].filter(Boolean).join(" · ")}
            </span>
            {tip.item.health !== "Healthy" && tip.item.reason && <span>{tip.item.reason}</span>}
          </div>
        )}
      </div>
    </div>
  );
}

interface PodsProps {
  group: Group;
  selected?: string;
  changes: ReadonlyMap<string, number>;
  byNode: boolean;
  onOpen: (id: string) => void;
  onOwner?: () => void;
}

function Pods({ group, selected, changes, byNode, onOpen, onOwner }: PodsProps) {
  const [all, setAll] = useState(false);
  const [on, setOn] = useState<string>();
  const box = useRef<HTMLDivElement>(null);
  const pods = all ? group.pods : group.pods.slice(0, most);
  const ill = group.pods.filter((p) => stateOf(p) === "Degraded");
  const first = pods.some((p) => p.id === on) ? on : pods[0].id;

  const onKeyDown = (e: KeyboardEvent) => {
    const squares = [...box.current!.querySelectorAll<HTMLElement>("[data-pod]")];
    const at = squares.indexOf(e.target as HTMLElement);
    if (at < 0) return;
    // How many stand in a row follows from where the second row begins.
    const row = squares.findIndex((s) => s.offsetTop > squares[0].offsetTop);
    const by: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + (row < 0 ? squares.length : row), ArrowUp: at - (row < 0 ? squares.length : row), Home: 0, End: squares.length - 1 };
    const to = squares[by[e.key]];
    if (!(e.key in by)) return;
    e.preventDefault();
    to?.focus();
  };
  return (
    <section className={styles.group} aria-label={`${group.about && !byNode ? group.about + " " : ""}${group.title}`}>
      <header className={styles.head}>
        <KindIcon kind={byNode ? "Node" : group.owner?.key.kind ?? "Pod"} />
        <div>
          {onOwner ? (
            <button type="button" className={styles.title} onClick={onOwner}>
              {group.title}
            </button>
          ) : (
            <h3 className={styles.title}>{group.title}</h3>
          )}
          <p className={styles.about}>{group.about}</p>
        </div>
      </header>
      <ul className={styles.states}>
        {group.states.map(([state, count]) => {
          const Icon = shapes[state] ?? CircleHelp;
          return (
            <li key={state} data-tone={tone(state)}>
              <Icon aria-hidden />
              {count.toLocaleString("en")} {state}
            </li>
          );
        })}
      </ul>
      <div ref={box} className={styles.squares} role="group" aria-label={`Pods of ${group.title}`} onKeyDown={onKeyDown}>
        {pods.map((p) => {
          const Icon = shapes[stateOf(p)] ?? CircleHelp;
          const told = changes.get(p.id) ?? 0;
          return (
            <button
              key={p.id}
              type="button"
              className={styles.square}
              data-pod={p.id}
              data-tone={tone(stateOf(p))}
              data-selected={p.id === selected || undefined}
              tabIndex={p.id === first ? 0 : -1}
              aria-label={sayItem(p)}
              onFocus={() => setOn(p.id)}
              onClick={() => onOpen(p.id)}
            >
              {told > 0 && <span key={told} className={styles.pulse} aria-hidden />}
              <Icon aria-hidden />
            </button>
          );
        })}
      </div>
      {ill.length > 0 && (
        <ul className={styles.ill}>
          {ill.slice(0, 3).map((p) => (
            <li key={p.id}>
              <strong>{p.pod!.reason || p.health}</strong> {p.key.name}
            </li>
          ))}
          {ill.length > 3 && <li>and {(ill.length - 3).toLocaleString("en")} more</li>}
        </ul>
      )}
      {group.pods.length > pods.length && (
        <Button small look="quiet" onClick={() => setAll(true)}>
          Show {(group.pods.length - pods.length).toLocaleString("en")} more
        </Button>
      )}
    </section>
  );
}
