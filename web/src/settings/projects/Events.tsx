import { useQuery } from "@tanstack/react-query";
import { CalendarClock } from "lucide-react";
import { get, path } from "../../api";
import type { V1Event, V1EventList } from "../../types";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { Table } from "../kit";

const at = (e: V1Event) => (e.lastTimestamp ?? e.eventTime ?? e.firstTimestamp ?? "") as string;

/** Who changed the project, and when; Kubernetes keeps events for an hour unless told otherwise. */
export function Events({ name }: { name: string }) {
  const events = useQuery({
    queryKey: ["settings", "projects", name, "events"],
    queryFn: ({ signal }) => get<V1EventList>(path`/api/v1/projects/${name}/events`, undefined, signal).then((l) => [...(l.items ?? [])].sort((a, b) => at(b).localeCompare(at(a)))),
  });
  if (events.isPending) return <Waiting>Loading the events</Waiting>;
  if (events.isError) return <Failure error={events.error} doing="see the events" onRetry={() => events.refetch()} />;
  if (events.data.length === 0) {
    return (
      <Empty title="Nothing happened lately" icon={<CalendarClock />}>
        <p>Who changed the project, its roles or its tokens is told here, as long as the cluster keeps events: for an hour, where nobody has set it otherwise.</p>
      </Empty>
    );
  }
  return (
    <Table
      label={`Events of project ${name}`}
      rows={events.data}
      id={(e) => (e.metadata?.uid as string) ?? at(e)}
      columns={[
        { head: "When", cell: (e) => <Time at={at(e)} /> },
        { head: "Reason", cell: (e) => e.reason },
        { head: "What happened", wide: true, cell: (e) => e.message },
        { head: "Times", number: true, cell: (e) => e.count ?? 1 },
      ]}
    />
  );
}
