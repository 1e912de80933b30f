import type { UseQueryResult } from "@tanstack/react-query";
import { ListTree } from "lucide-react";
import type { Application, AppName, ResourceDiff } from "../../types";
import { ObjectDiff } from "../../diff/ObjectDiff";
import { Button } from "../../ui/Button";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { useShow } from "../ApplicationPage";
import { nodeOf } from "../search";
import { failedResult, type Facts } from "./facts";
import { differing } from "../../diff/differing";

/** Git and cluster for the object of the drawer. */
export function DiffTab({ record, facts, diff }: { app: AppName; record: Application; facts: Facts; diff: UseQueryResult<ResourceDiff | null> }) {
  const show = useShow();
  if (diff.isError) return <Failure error={diff.error} doing={`compare ${facts.key.kind} ${facts.key.name}`} onRetry={() => void diff.refetch()} />;
  if (diff.isPending) return <Waiting>Comparing Git with the cluster</Waiting>;
  if (!diff.data) {
    return (
      <Empty title="It is not compared">
        <p>Git says nothing of this object: something else made it, in the cluster.</p>
      </Empty>
    );
  }
  const others = differing(record).filter((r) => nodeOf(r.key) !== nodeOf(facts.key)).length;
  return (
    <>
      <ObjectDiff of={diff.data} rules={record.spec?.ignoreDifferences} failed={failedResult(facts.result)} />
      {others > 0 && (
        <div>
          <Button small icon={<ListTree />} onClick={() => show({ panel: "diff", node: undefined, tab: nodeOf(facts.key) })}>
            {others === 1 ? "1 more object differs: see all" : `${others} more objects differ: see all`}
          </Button>
        </div>
      )}
    </>
  );
}
