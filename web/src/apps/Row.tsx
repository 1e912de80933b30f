// One application in the list: as a row, a card or a tile. What a row is given is compared by identity, so that of a
// screenful only those are drawn anew that have changed.
import { Link } from "@tanstack/react-router";
import { GitBranch, GitCommitHorizontal } from "lucide-react";
import { memo, type MouseEvent } from "react";
import type { Application, RevisionMetadata } from "../types";
import { HealthMark, PhaseMark, SyncMark, toneOf } from "../ui/Status";
import { Time } from "../ui/Time";
import type { Bulk } from "./BulkDialog";
import styles from "./List.module.css";
import { authorOf, automated, clusterName, followed, lastOperation, subjectOf } from "./row";
import { RowMenu } from "./RowMenu";

export interface RowActions {
  onChoose: (index: number, app: Application, chosen: boolean, range: boolean) => void;
  onCurrent: (index: number) => void;
  onBulk: (bulk: Bulk) => void;
}

interface Props {
  index: number;
  /** Undefined while its page is being read. */
  app?: Application;
  commit?: RevisionMetadata;
  names: ReadonlyMap<string, string>;
  total: number;
  /** From the top of the list. */
  y: number;
  chosen: boolean;
  /** Where the keyboard is: only this one can be reached with Tab. */
  current: boolean;
  choosing: boolean;
  actions: RowActions;
}

const same = <P extends Props>(a: P, b: P) =>
  (Object.keys(a) as (keyof P)[]).every((k) => (k === "actions" ? a.actions.onChoose === b.actions.onChoose && a.actions.onBulk === b.actions.onBulk : a[k] === b[k]));

export const Row = memo(function Row(props: Props) {
  const { index, app, y, chosen, actions } = props;
  const place = { transform: `translateY(${y}px)` };
  if (!app) return <div role="row" aria-rowindex={index + 2} data-index={index} className={`${styles.row} ${styles.columns} ${styles.coming}`} style={place}><span role="gridcell" className="unseen">Loading</span></div>;
  return (
    <div role="row" aria-rowindex={index + 2} aria-selected={chosen} data-index={index} className={`${styles.row} ${styles.columns} ${chosen ? styles.chosen : ""}`} style={place} onFocus={() => actions.onCurrent(index)}>
      <span role="gridcell">
        <Choose {...props} app={app} />
      </span>
      <span role="gridcell" className={styles.two}>
        <Name {...props} app={app} />
        <span className={styles.more}>{app.spec?.project || "default"}</span>
      </span>
      <span role="gridcell" className={styles.two}>
        <HealthMark of={app.status?.health?.status} title={app.status?.health?.message} />
        <span className={styles.more} title={app.status?.health?.message}>
          {app.status?.health?.message}
        </span>
      </span>
      <span role="gridcell" className={styles.two}>
        <SyncMark of={app.status?.sync?.status} />
        <Auto app={app} />
      </span>
      <span role="gridcell" className={styles.two}>
        <Revision app={app} commit={props.commit} />
      </span>
      <span role="gridcell" className={`${styles.two} ${styles.destination}`}>
        <Destination {...props} app={app} />
      </span>
      <span role="gridcell" className={`${styles.two} ${styles.operation}`}>
        <Operation app={app} />
      </span>
      <span role="gridcell" className={styles.age}>
        <Time at={app.metadata?.creationTimestamp} className={styles.more} />
      </span>
      <span role="gridcell">
        <RowMenu app={app} current={props.current} onBulk={actions.onBulk} />
      </span>
    </div>
  );
}, same);

export const Card = memo(function Card(props: Props) {
  const { app, y } = props;
  return <Panel {...props} place={{ transform: `translateY(${y}px)` }} className={styles.card} app={app} />;
}, same);

export const Tile = memo(function Tile({ x, width, ...props }: Props & { x: number; width: number }) {
  return <Panel {...props} place={{ transform: `translate(${x}px, ${props.y}px)`, width }} className={styles.tile} />;
}, same);

/** What a card and a tile have in common. */
function Panel({ place, className, ...props }: Props & { place: React.CSSProperties; className: string }) {
  const { index, app, chosen, total, actions } = props;
  if (!app) return <div role="listitem" data-index={index} className={`${styles.panel} ${className} ${styles.coming}`} style={place}><span className="unseen">Loading</span></div>;
  return (
    <div role="listitem" aria-setsize={total} aria-posinset={index + 1} data-index={index} className={`${styles.panel} ${className} ${styles["edge-" + toneOf(app.status?.health?.status)]} ${chosen ? styles.chosen : ""}`} style={place} onFocus={() => actions.onCurrent(index)}>
      <span className={styles.title}>
        <Choose {...props} app={app} />
        <Name {...props} app={app} />
        <RowMenu app={app} current={props.current} onBulk={actions.onBulk} />
      </span>
      <span className={styles.marks}>
        <HealthMark of={app.status?.health?.status} title={app.status?.health?.message} />
        <SyncMark of={app.status?.sync?.status} />
        <Auto app={app} />
      </span>
      <Revision app={app} commit={props.commit} />
      <span className={styles.foot}>
        <span className={styles.more}>
          <Destination {...props} app={app} line />
        </span>
        <Operation app={app} line />
      </span>
    </div>
  );
}

function Choose({ app, index, chosen, current, actions }: Props & { app: Application }) {
  return (
    <input
      type="checkbox"
      className={styles.choose}
      aria-label={`Choose ${app.metadata?.name}`}
      checked={chosen}
      tabIndex={current ? 0 : -1}
      readOnly
      onClick={(e: MouseEvent<HTMLInputElement>) => actions.onChoose(index, app, e.currentTarget.checked, e.shiftKey)}
    />
  );
}

function Name({ app, current }: Props & { app: Application }) {
  const { name = "", namespace = "" } = app.metadata ?? {};
  return (
    <Link
      to="/applications/$namespace/$name"
      params={{ namespace, name }}
      className={styles.name}
      title={name}
      tabIndex={current ? 0 : -1}
      data-name
      // Whoever moves through the list with the keyboard does not want twenty applications read.
      preload={false}
    >
      {name}
      {app.metadata?.deletionTimestamp && <em className={styles.deleting}> deleting</em>}
    </Link>
  );
}

const Auto = ({ app }: { app: Application }) =>
  automated(app) ? (
    <span className={styles.more} title="Syncs by itself when Git changes">
      auto-sync
    </span>
  ) : (
    <span className={styles.more} title="Syncs when somebody says so">
      manual
    </span>
  );

function Revision({ app, commit }: { app: Application; commit?: RevisionMetadata }) {
  const { branch, commit: id, more } = followed(app);
  const subject = subjectOf(commit);
  return (
    <>
      <span className={styles.subject} title={commit?.message}>
        {subject || <span className={styles.more}>{app.spec?.source?.chart ?? app.spec?.source?.path ?? app.spec?.sources?.[0]?.path}</span>}
      </span>
      <span className={`${styles.more} ${styles.commit}`}>
        <GitBranch aria-label="Branch" />
        <span className={styles.branch}>{branch}</span>
        {id && (
          <>
            <GitCommitHorizontal aria-label="commit" />
            <code>{id}</code>
          </>
        )}
        {more > 0 && <span title="It has several sources">+{more}</span>}
        {commit && (
          <span className={styles.author}>
            {authorOf(commit)}, <Time at={commit.date} />
          </span>
        )}
      </span>
    </>
  );
}

function Destination({ app, names, line }: Props & { app: Application; line?: boolean }) {
  const to = app.spec?.destination;
  const cluster = clusterName(to, names);
  if (line) return <span title={to?.server}>{`${cluster} / ${to?.namespace ?? ""}`}</span>;
  return (
    <>
      <span className={styles.clip} title={to?.server ?? cluster}>
        {cluster}
      </span>
      <span className={styles.more}>{to?.namespace}</span>
    </>
  );
}

function Operation({ app, line }: { app: Application; line?: boolean }) {
  const last = lastOperation(app);
  if (!last) return <span className={styles.more}>{line ? "" : "never synced"}</span>;
  return (
    <>
      <PhaseMark of={last.phase} title={last.message} />
      <Time at={last.at} className={styles.more} />
    </>
  );
}
