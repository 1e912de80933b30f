import { ChevronDown, ChevronRight, CircleMinus, CirclePlus, Diff } from "lucide-react";
import { useMemo, useState } from "react";
import { SideBySide } from "../../diff/SideBySide";
import type { AppName } from "../../types";
import { Failure, Waiting } from "../../ui/Say";
import { short } from "../data";
import { CommitLine } from "./Commits";
import { compareManifests, yaml, type Difference } from "./compare";
import { useCommits, useManifests } from "./data";
import styles from "./Compare.module.css";
import type { Entry } from "./history";

/** Two deployments side by side: the commits between them, and the objects that they render to differently. */
export function Compare({ app, from, to }: { app: AppName; from: Entry; to: Entry }) {
  const commits = useCommits(app, from.revisions[0], to.revisions[0], 0, 50);
  const items = commits.data?.items ?? [];
  return (
    <div className={styles.compare}>
      {items.length > 0 && (
        <section>
          <h3>
            {commits.data?.more ? "More than " : ""}
            {items.length} {items.length === 1 ? "commit" : "commits"} between them
          </h3>
          <ul className={styles.commits}>
            {items.map((c) => (
              <CommitLine key={c.revision} of={c} />
            ))}
          </ul>
        </section>
      )}
      <Rendered app={app} before={from.revisions} after={to.revisions} beforeTitle={`#${from.id} at ${short(from.revisions[0])}`} afterTitle={`#${to.id} at ${short(to.revisions[0])}`} />
    </div>
  );
}

interface RenderedProps {
  app: AppName;
  before: string[];
  after: string[];
  beforeTitle: string;
  afterTitle: string;
  /** What it says when nothing differs. */
  nothing?: string;
}

/** The objects that two revisions render to differently. Secret values are masked, equal ones alike. */
export function Rendered({ app, before, after, beforeTitle, afterTitle, nothing }: RenderedProps) {
  const left = useManifests(app, before);
  const right = useManifests(app, after);
  const found = useMemo(() => (left.data && right.data ? compareManifests(left.data, right.data) : undefined), [left.data, right.data]);
  const failed = left.isError ? left : right.isError ? right : undefined;
  if (failed) return <Failure error={failed.error} doing="render the two revisions" onRetry={() => void failed.refetch()} />;
  if (!found) return <Waiting>Rendering both revisions</Waiting>;
  if (found.length === 0) return <p>{nothing ?? "Both render to the same objects."}</p>;
  const count = (change: Difference["change"]) => found.filter((d) => d.change === change).length;
  return (
    <section>
      <h3>
        {[count("changed") && `${count("changed")} changed`, count("added") && `${count("added")} added`, count("removed") && `${count("removed")} removed`].filter(Boolean).join(", ")}
      </h3>
      <ul className={styles.objects}>
        {found.map((d) => (
          <ObjectDifference key={JSON.stringify(d.key)} of={d} open={found.length <= 3} beforeTitle={beforeTitle} afterTitle={afterTitle} />
        ))}
      </ul>
    </section>
  );
}

const marks = { added: CirclePlus, removed: CircleMinus, changed: Diff };

function ObjectDifference({ of, open: first, beforeTitle, afterTitle }: { of: Difference; open: boolean; beforeTitle: string; afterTitle: string }) {
  const [open, setOpen] = useState(first);
  const Icon = marks[of.change];
  const name = `${of.key.kind}/${of.key.name}`;
  return (
    <li className={styles.object}>
      <button type="button" className={styles.toggle} aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
        <Icon aria-hidden className={styles[of.change]} />
        <strong>{name}</strong>
        <span className={styles.dim}>
          {of.change}
          {of.key.namespace ? `, namespace ${of.key.namespace}` : ""}
        </span>
      </button>
      {open && (
        <div className={styles.lines}>
          <SideBySide left={yaml(of.before)} right={yaml(of.after)} leftTitle={beforeTitle} rightTitle={afterTitle} leftEmpty="It is not there" rightEmpty="It is not there" label={`${name}, before and after`} />
        </div>
      )}
    </li>
  );
}
