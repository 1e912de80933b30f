// Choosing objects. Of thousands only those in sight are drawn.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import type { ResourceStatus } from "../../types";
import { Button } from "../../ui/Button";
import { SyncMark } from "../../ui/Status";
import { changed, choosable, grouped, type Choosable, type KindGroup } from "./objects";
import { count } from "./preview";
import styles from "./Objects.module.css";

interface Props {
  resources: ResourceStatus[] | undefined;
  chosen: string[];
  onChange: (chosen: string[]) => void;
  error?: string;
}

type Row = { id: string } & ({ group: KindGroup } | { object: Choosable });

export function Objects({ resources, chosen, onChange, error }: Props) {
  const [find, setFind] = useState("");
  const all = useMemo(() => choosable(resources), [resources]);
  const groups = useMemo(() => grouped(all, find), [all, find]);
  const rows = useMemo(() => groups.flatMap((group): Row[] => [{ id: "kind " + group.kind, group }, ...group.objects.map((object) => ({ id: object.node, object }))]), [groups]);
  const picked = useMemo(() => new Set(chosen), [chosen]);
  const shown = groups.flatMap((g) => g.objects);
  const set = (nodes: string[], on: boolean) => onChange(changed(chosen, nodes, on));
  const ref = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => ref.current, estimateSize: () => 30, overscan: 10, getItemKey: (i) => rows[i]!.id });
  const errorId = useId();

  return (
    <div className={styles.picker}>
      <input type="search" className={styles.find} placeholder={`Find among ${count(all.length, "object")}`} aria-label="Find objects to sync" value={find} onChange={(e) => setFind(e.target.value)} />
      <div className={styles.quick}>
        <Button small onClick={() => set(shown.map((o) => o.node), true)}>{find ? `All ${shown.length} found` : "All"}</Button>
        <Button small disabled={!shown.some((o) => o.out)} onClick={() => onChange(changed(find ? chosen : [], shown.filter((o) => o.out).map((o) => o.node), true))}>Out of sync</Button>
        <Button small disabled={chosen.length === 0} onClick={() => onChange([])}>None</Button>
        <span className={styles.count} role="status">{count(chosen.length, "object")} chosen</span>
      </div>
      {error && <p id={errorId} className={styles.error}>{error}</p>}
      <div ref={ref} className={styles.list} role="group" aria-label="Objects to sync" aria-describedby={error ? errorId : undefined} tabIndex={-1}>
        {rows.length === 0 && <p className={styles.none}>{all.length ? "Nothing is called so." : "The application has no objects yet."}</p>}
        <ul style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map((item) => {
            const row = rows[item.index]!;
            return (
              <li key={row.id} style={{ transform: `translateY(${item.start}px)` }} aria-setsize={rows.length} aria-posinset={item.index + 1}>
                {"group" in row ? <KindRow group={row.group} picked={picked} onChange={set} /> : <ObjectRow object={row.object} on={picked.has(row.object.node)} onChange={set} />}
              </li>
            );
          })}
        </ul>
      </div>
    </div>
  );
}

function KindRow({ group, picked, onChange }: { group: KindGroup; picked: ReadonlySet<string>; onChange: (nodes: string[], on: boolean) => void }) {
  const ref = useRef<HTMLInputElement>(null);
  const on = group.objects.filter((o) => picked.has(o.node)).length;
  const some = on > 0 && on < group.objects.length;
  useEffect(() => {
    ref.current!.indeterminate = some;
  }, [some]);
  return (
    <label className={styles.kind}>
      <input ref={ref} type="checkbox" checked={on === group.objects.length} onChange={(e) => onChange(group.objects.map((o) => o.node), e.target.checked)} />
      {group.kind}
      <span className={styles.of}>{on ? `${on} of ${group.objects.length}` : group.objects.length}</span>
    </label>
  );
}

function ObjectRow({ object, on, onChange }: { object: Choosable; on: boolean; onChange: (nodes: string[], on: boolean) => void }) {
  return (
    <label className={styles.object}>
      <input type="checkbox" checked={on} onChange={(e) => onChange([object.node], e.target.checked)} />
      <span className={styles.name} title={`${object.kind} ${object.name}${object.namespace ? ` in ${object.namespace}` : ""}`}>{object.name}</span>
      {object.out && <SyncMark of="OutOfSync" bare title={object.prunable ? "no longer in Git" : undefined} />}
    </label>
  );
}
