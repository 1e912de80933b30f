import { useQuery } from "@tanstack/react-query";
import { Info, TriangleAlert } from "lucide-react";
import { useMemo, useState } from "react";
import type { AppName } from "../../types";
import { Checkbox } from "../../ui/Field";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { visible } from "../../yaml/text";
import { eventsQuery } from "./data";
import { byTime, seenAt, type Facts } from "./facts";
import styles from "./Events.module.css";

/** What Kubernetes said of the object, newest first. */
export function Events({ app, facts }: { app: AppName; facts: Facts }) {
  const events = useQuery(eventsQuery(app, facts.key, facts.uid));
  const [only, setOnly] = useState(false);
  const list = useMemo(() => byTime(events.data ?? []), [events.data]);
  if (events.isError) return <Failure error={events.error} doing={`load the events of ${facts.key.kind} ${facts.key.name}`} onRetry={() => void events.refetch()} />;
  if (events.isPending) return <Waiting>Loading the events</Waiting>;
  if (list.length === 0) {
    return (
      <Empty title="No events">
        <p>Kubernetes keeps events for an hour as a rule. Nothing was said of this object in that time.</p>
      </Empty>
    );
  }
  const warnings = list.filter((e) => e.type === "Warning").length;
  const shown = only && warnings > 0 ? list.filter((e) => e.type === "Warning") : list;
  return (
    <>
      {warnings > 0 && warnings < list.length && <Checkbox label={`Only warnings (${warnings} of ${list.length})`} checked={only} onChange={(e) => setOnly(e.target.checked)} />}
      <ol className={styles.events} aria-label="Events, newest first">
        {shown.map((e, i) => {
          const times = e.series?.count ?? e.count ?? 1;
          return (
            <li key={e.metadata?.uid ?? i} className={e.type === "Warning" ? styles.warning : undefined}>
              {e.type === "Warning" ? <TriangleAlert aria-label="Warning" /> : <Info aria-label="Normal" />}
              <div>
                <div className={styles.head}>
                  <strong>{visible(e.reason ?? "")}</strong>
                  {times > 1 && <span className={styles.count}>{times} times</span>}
                  <span className={styles.age}>
                    <Time at={seenAt(e)} />
                    {times > 1 && e.firstTimestamp && (
                      <>
                        , first <Time at={e.firstTimestamp} />
                      </>
                    )}
                  </span>
                </div>
                <p>{visible(e.message ?? "")}</p>
                <p className={styles.by}>{visible(e.reportingComponent || e.source?.component || "")}</p>
              </div>
            </li>
          );
        })}
      </ol>
    </>
  );
}
