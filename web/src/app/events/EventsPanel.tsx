import { Activity, CircleAlert, CircleCheck, CircleX, Dot, GitCompareArrows, HeartPulse, LoaderCircle, PencilLine, RefreshCw, TriangleAlert, type LucideIcon } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { get, path } from "../../api";
import { exact, useNow } from "../../time";
import type { V1EventList } from "../../types";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Time } from "../../ui/Time";
import type { PanelProps } from "../AppPanel";
import { useShow } from "../ApplicationPage";
import { appKey, of } from "../data";
import { signature } from "../header/why";
import styles from "./EventsPanel.module.css";
import { byDay, chosen, dayWords, filterTab, kinds, parseFilter, timeline, type Item, type Kind, type Tone } from "./timeline";

const kindWords: Record<Kind, { word: string; icon: LucideIcon }> = {
  operation: { word: "Syncs", icon: RefreshCw },
  sync: { word: "Sync status", icon: GitCompareArrows },
  health: { word: "Health", icon: HeartPulse },
  drift: { word: "Drift", icon: PencilLine },
  change: { word: "Changes", icon: Activity },
  condition: { word: "Conditions", icon: TriangleAlert },
};

// A tone has a shape of its own, so that it is not told by colour alone.
const toneIcons: Record<Tone, { icon: LucideIcon; word: string }> = {
  good: { icon: CircleCheck, word: "good" },
  bad: { icon: CircleX, word: "bad" },
  warn: { icon: CircleAlert, word: "attention" },
  going: { icon: LoaderCircle, word: "going on" },
  plain: { icon: Dot, word: "" },
};

/** How many are drawn at first. */
const page = 150;

/** What happened to the application, newest first. */
export function EventsPanel({ app, record, onClose }: PanelProps) {
  const { tab } = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const filter = parseFilter(tab);
  const [shown, setShown] = useState(page);
  const moment = signature(record, undefined);
  const events = useQuery({
    queryKey: [...appKey(app), "events"],
    queryFn: ({ signal }) => get<V1EventList>(path`/api/v1/applications/${app.name}/events`, of(app), signal).then((r) => r.items ?? []),
    refetchInterval: 5000, // Kubernetes has no stream of these for us; the record tells of the rest
    staleTime: 0,
  });
  useEffect(() => void events.refetch(), [moment]);
  const all = useMemo(() => timeline(events.data ?? [], record), [events.data, record]);
  const list = chosen(all, filter);
  const change = (f: Partial<typeof filter>, replace = false) => show({ tab: filterTab({ ...filter, ...f }) }, replace);

  return (
    <Dialog title={`Events of ${app.name}`} place="side" width="normal" onClose={onClose}>
      <div className={styles.events}>
        <div className={styles.filters} role="group" aria-label="Kinds of events">
          {kinds.map((k) => {
            const { word, icon: Icon } = kindWords[k];
            const on = filter.kinds.includes(k);
            const count = all.filter((i) => i.kind === k).length;
            if (count === 0 && !on) return null;
            return (
              <button key={k} type="button" className={styles.kind} aria-pressed={on} onClick={() => change({ kinds: on ? filter.kinds.filter((x) => x !== k) : [...filter.kinds, k] })}>
                <Icon aria-hidden />
                {word} <span className={styles.dim}>{count}</span>
              </button>
            );
          })}
        </div>
        <TextField label={<span className="unseen">Find in the events</span>} placeholder="Find words" type="search" value={filter.words} onChange={(e) => change({ words: e.target.value }, true)} />
        {events.isPending ? (
          <Waiting>Loading the events</Waiting>
        ) : (
          <>
            {events.isError && <Failure error={events.error} doing="load the events" onRetry={() => void events.refetch()} />}
            {all.length === 0 && !events.isError && (
              <Empty title="Nothing has happened yet" icon={<Activity />}>
                <p>Syncs, changes of status and drift appear here by themselves. Kubernetes keeps such events for an hour or so; deployments stay in the history.</p>
              </Empty>
            )}
            {all.length > 0 && list.length === 0 && (
              <Empty title="Nothing fits">
                <Button onClick={() => show({ tab: undefined })}>Show all {all.length}</Button>
              </Empty>
            )}
            {byDay(list.slice(0, shown)).map(({ day, items }) => (
              <Day key={day} day={day} items={items} onDeployment={(n) => show({ panel: "history", tab: n > 0 ? `${n - 1}..${n}` : undefined })} />
            ))}
            {list.length > shown && <Button onClick={() => setShown(shown + page)}>Show {Math.min(page, list.length - shown)} more</Button>}
          </>
        )}
      </div>
    </Dialog>
  );
}

function Day({ day, items, onDeployment }: { day: string; items: Item[]; onDeployment: (n: number) => void }) {
  const now = useNow();
  return (
    <section>
      <h3 className={styles.day}>{dayWords(day, now)}</h3>
      <ol className={styles.list}>
        {items.map((i) => {
          const tone = toneIcons[i.tone];
          const Kind = kindWords[i.kind].icon;
          return (
            <li key={i.id} className={`${styles.item} ${styles[i.tone]}`}>
              <span className={styles.mark} title={kindWords[i.kind].word}>
                <tone.icon aria-label={tone.word || undefined} aria-hidden={!tone.word} />
              </span>
              <div className={styles.what}>
                <p className={styles.title}>
                  <Kind aria-hidden className={styles.kindIcon} />
                  <strong>{i.title}</strong>
                  {i.count > 1 && <span className={styles.dim}>{i.count} times</span>}
                  {i.deployment !== undefined && (
                    <button type="button" className={styles.link} onClick={() => onDeployment(i.deployment!)} title="What it changed">
                      #{i.deployment}
                    </button>
                  )}
                  <span className={styles.when} title={exact(i.at)}>
                    {new Date(i.at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" })} · <Time at={i.at} />
                  </span>
                </p>
                <Text of={i.text} />
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** How many characters of a text are shown without being asked. */
const enough = 260;

function Text({ of }: { of: string }) {
  const [all, setAll] = useState(false);
  if (of.length <= enough * 1.2) return <p className={styles.text}>{of}</p>;
  return (
    <p className={styles.text}>
      {all ? of : of.slice(0, enough) + "…"}{" "}
      <button type="button" className={styles.link} aria-expanded={all} onClick={() => setAll(!all)}>
        {all ? "Less" : "More"}
      </button>
    </p>
  );
}
