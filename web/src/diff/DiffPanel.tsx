import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, CircleCheck, CircleDashed, CircleX, GitCompareArrows, Trash2 } from "lucide-react";
import { memo, useCallback, useEffect, useMemo, useRef, type KeyboardEvent } from "react";
import { useSearch } from "@tanstack/react-router";
import { managedQuery, short } from "../app/data";
import { diffQuery } from "../app/object/data";
import { NodeLink } from "../app/object/NodeLink";
import { nodeOf } from "../app/search";
import { useShow } from "../app/ApplicationPage";
import { useNearness } from "../near";
import type { Application, ApplicationTree, AppName, ResourceIgnoreDifferences } from "../types";
import { IconButton } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Empty, Failure, Waiting } from "../ui/Say";
import { visible } from "../yaml/text";
import { sentence } from "./compare";
import { differing, tally, type Differing } from "./differing";
import { ObjectDiff } from "./ObjectDiff";
import styles from "./DiffPanel.module.css";

interface Props {
  app: AppName;
  record: Application;
  tree?: ApplicationTree;
  onClose: () => void;
}

/** Every object of the application that is not as Git says, each with its diff. */
export function DiffPanel({ app, record, onClose }: Props) {
  const show = useShow();
  const chosen = useSearch({ from: "/inside/applications/$namespace/$name" }).tab;
  const list = useMemo(() => differing(record), [record]);
  const box = useRef<HTMLDivElement>(null);
  const steps = useRef<HTMLSpanElement>(null);
  // Where the reader is: a click on a button takes the focus from it.
  const place = useRef<Element>(null);
  const go = (to: HTMLElement | undefined) => to?.focus();
  const step = (by: 1 | -1) => go(next(box.current!, place.current, by));
  const latest = useRef(show);
  latest.current = show;
  const jump = useCallback((key: string) => {
    latest.current({ tab: key }, true);
    go(box.current!.querySelector<HTMLElement>(`[data-object="${CSS.escape(key)}"]`) ?? undefined);
  }, []);
  // A link to one of them begins there.
  useEffect(() => {
    const to = chosen ? box.current?.querySelector<HTMLElement>(`[data-object="${CSS.escape(chosen)}"]`) : undefined;
    go(to ?? steps.current?.querySelector<HTMLElement>("button:last-child") ?? undefined);
  }, []);
  const keys = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey || (e.target as HTMLElement).closest("input, textarea, select, [role=menu]")) return;
    if (e.key === "n" || e.key === "p") {
      e.preventDefault();
      step(e.key === "n" ? 1 : -1);
    }
  };
  const revision = record.status?.sync?.revision ?? record.status?.sync?.revisions?.[0];
  return (
    <Dialog
      width="full"
      onClose={onClose}
      title={
        <>
          Git against the cluster <span className={styles.quiet}>{visible(app.name)}{revision && ` at ${short(revision)}`}</span>
        </>
      }
    >
      {list.length === 0 ? (
        <Nothing app={app} record={record} />
      ) : (
        <div className={styles.panel} onKeyDown={keys}>
          <nav className={styles.list} aria-label="Objects that differ">
            <div className={styles.tally}>
              <span>{tally(list)}</span>
              <span className={styles.steps} ref={steps}>
                <IconButton label="Previous difference (key p)" aria-keyshortcuts="p" onClick={() => step(-1)}>
                  <ChevronUp />
                </IconButton>
                <IconButton label="Next difference (key n)" aria-keyshortcuts="n" onClick={() => step(1)}>
                  <ChevronDown />
                </IconButton>
              </span>
            </div>
            <ul>
              {list.map((d) => (
                <Entry key={nodeOf(d.key)} of={d} chosen={chosen === nodeOf(d.key)} onJump={jump} />
              ))}
            </ul>
          </nav>
          <div ref={box} className={styles.objects} onFocus={(e) => (place.current = e.target)} tabIndex={0} role="region" aria-label="Differences">
            {list.map((d, i) => (
              <Section key={nodeOf(d.key)} app={app} rules={record.spec?.ignoreDifferences} of={d} atOnce={i < 3} />
            ))}
          </div>
        </div>
      )}
    </Dialog>
  );
}

/** Nothing differs: because all is well, or because nobody could compare. */
function Nothing({ app, record }: { app: AppName; record: Application }) {
  const unknown = record.status?.sync?.status !== "Synced";
  const all = useQuery({ ...managedQuery(app), enabled: unknown });
  const why = record.status?.conditions?.map((c) => visible(c.message ?? "")).filter(Boolean);
  if (!unknown) {
    return (
      <Empty title="Nothing differs" icon={<CircleCheck />}>
        <p>All {record.status?.resources?.length ?? 0} objects are as Git says.</p>
      </Empty>
    );
  }
  if (why?.length) {
    return (
      <Empty title="Git and cluster could not be compared">
        {why.map((w) => (
          <p key={w}>{w}</p>
        ))}
      </Empty>
    );
  }
  if (all.isPending) return <Waiting>Comparing Git with the cluster</Waiting>;
  if (all.isError) return <Failure error={all.error} doing="compare Git with the cluster" onRetry={() => void all.refetch()} />;
  return (
    <Empty title="No object is known to differ">
      <p>The application has not been compared yet: refresh it.</p>
    </Empty>
  );
}

function Mark({ of }: { of: Differing }) {
  if (of.failed) return <CircleX aria-label="The last sync failed" className={styles.failed} />;
  if (of.missing) return <CircleDashed aria-label="Missing in the cluster" className={styles.missing} />;
  if (of.prune) return <Trash2 aria-label="Not in Git" className={styles.missing} />;
  return <GitCompareArrows aria-label="Differs" className={styles.missing} />;
}

/** Of hundreds of objects, those are drawn anew of which something else is known. */
const same = <P extends { of: Differing }>(a: P, b: P) =>
  (Object.keys(a) as (keyof P)[]).every((k) => (k === "of" ? nodeOf(a.of.key) === nodeOf(b.of.key) && a.of.failed === b.of.failed && a.of.missing === b.of.missing && a.of.prune === b.of.prune : a[k] === b[k]));

const Entry = memo(function Entry({ of: d, chosen, onJump }: { of: Differing; chosen: boolean; onJump: (key: string) => void }) {
  return (
    <li>
      <button type="button" aria-current={chosen || undefined} onClick={() => onJump(nodeOf(d.key))}>
        <Mark of={d} />
        <span className={styles.name}>
          <small>{d.key.kind}</small>
          {visible(d.key.name)}
        </span>
      </button>
    </li>
  );
}, same);

interface SectionProps {
  app: AppName;
  rules: ResourceIgnoreDifferences[] | undefined;
  of: Differing;
  atOnce: boolean;
}

/** One object. What it is like is asked for and drawn when it is about to be seen, and asked for again while it is. */
const Section = memo(function Section({ app, rules, of, atOnce }: SectionProps) {
  const ref = useRef<HTMLElement>(null);
  const near = useNearness(ref, atOnce);
  const { key } = of;
  return (
    <section ref={ref} className={`${styles.object} ${near.ever ? "" : styles.far}`} data-object={nodeOf(key)} tabIndex={-1} aria-label={`${key.kind} ${key.name}`}>
      {near.ever && <Compared app={app} rules={rules} of={of} asks={near.now} />}
    </section>
  );
}, same);

function Compared({ app, rules, of, asks }: Omit<SectionProps, "atOnce"> & { asks: boolean }) {
  const { key } = of;
  const diff = useQuery({ ...diffQuery(app, key), enabled: asks });
  return (
    <>
      <header className={styles.head}>
        <Mark of={of} />
        <h3>
          <NodeLink to={key} tab="diff">
            {key.kind} {visible(key.name)}
          </NodeLink>
        </h3>
        {key.namespace && <span className={styles.quiet}>{visible(key.namespace)}</span>}
        <span className={styles.sentence}>{diff.data ? sentence(diff.data) : ""}</span>
      </header>
      {diff.isError && !diff.data ? (
        <Failure error={diff.error} doing={`compare ${key.kind} ${key.name}`} onRetry={() => void diff.refetch()} />
      ) : diff.data ? (
        <ObjectDiff of={diff.data} rules={rules} failed={of.failed} bare />
      ) : diff.data === null ? (
        <p className={styles.quiet}>It has just changed: nothing differs here any more.</p>
      ) : (
        <div className={styles.waiting}>
          <Waiting>Comparing Git with the cluster</Waiting>
        </div>
      )}
    </>
  );
}

/** The difference after, or before, a place: a run of lines, or an object that is not loaded yet. */
function next(box: HTMLElement, from: Element | null, by: 1 | -1): HTMLElement | undefined {
  const all = [...box.querySelectorAll<HTMLElement>("[data-difference], [data-object]")].filter((e) => !e.dataset.object || !e.querySelector("[data-difference]"));
  if (!from || from === box || !box.contains(from)) return by > 0 ? all[0] : all.at(-1);
  const side = by > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING;
  const found = all.filter((e) => e !== from && from.compareDocumentPosition(e) & side && !(by < 0 && e.contains(from)));
  return by > 0 ? found[0] : found.at(-1);
}
