import type { Application, ApplicationTree, AppName } from "../../types";
import { HealthMark } from "../../ui/Status";
import { useShow } from "../ApplicationPage";
import { nodeOf } from "../search";

export function Topology({ tree }: { app: AppName; record: Application; tree: ApplicationTree }) {
  const show = useShow();
  return (
    <ul>
      {tree.nodes?.map((n) => (
        <li key={n.uid}>
          <button type="button" onClick={() => show({ node: nodeOf({ group: n.group ?? "", kind: n.kind!, namespace: n.namespace ?? "", name: n.name! }) })}>
            {n.kind}/{n.name}
          </button>
          <HealthMark of={n.health?.status} />
        </li>
      ))}
    </ul>
  );
}
