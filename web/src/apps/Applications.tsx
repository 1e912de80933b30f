import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { get } from "../api";
import { useTitle } from "../shell/Shell";
import type { ApplicationPage } from "../types";
import { Failure, Waiting } from "../ui/Say";
import { HealthMark, SyncMark } from "../ui/Status";

export function Applications() {
  useTitle("Applications");
  const list = useQuery({
    queryKey: ["applications"],
    queryFn: ({ signal }) => get<ApplicationPage>("/api/v1/applications", { limit: 100, fields: "counts,metadata,items.metadata.name,items.metadata.namespace,items.status.sync,items.status.health" }, signal),
  });
  if (list.isPending) return <Waiting>Loading the applications</Waiting>;
  if (list.isError) return <Failure error={list.error} doing="load the applications" onRetry={() => list.refetch()} />;
  return (
    <ul>
      {list.data.items?.map((a) => (
        <li key={a.metadata?.namespace + "/" + a.metadata?.name}>
          <Link to="/applications/$namespace/$name" params={{ namespace: a.metadata?.namespace ?? "", name: a.metadata?.name ?? "" }}>
            {a.metadata?.name}
          </Link>{" "}
          <SyncMark of={a.status?.sync?.status} /> <HealthMark of={a.status?.health?.status} />
        </li>
      ))}
    </ul>
  );
}
