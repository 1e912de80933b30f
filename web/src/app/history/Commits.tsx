import { useState } from "react";
import type { AppName, WhyCommit } from "../../types";
import { Time } from "../../ui/Time";
import { short } from "../data";
import { personOf } from "../header/why";
import styles from "./HistoryPanel.module.css";
import { useCommits } from "./data";

/** How many are named without being asked. */
const few = 3;

/** What came with a deployment: the commits since the one before that changed this application. */
export function Commits({ app, from, to, source }: { app: AppName; from: string; to: string; source: number }) {
  const [all, setAll] = useState(false);
  const commits = useCommits(app, from, to, source);
  const list = commits.data?.items ?? [];
  if (commits.isPending || commits.isError) return null; // a force push may have taken them away; the revision is shown in any case
  if (list.length === 0) return <p className={styles.dim}>None of the commits since the deployment before changed this application.</p>;
  if (list.length === 1 && list[0]!.revision === to) return null; // it stands above
  return (
    <div className={styles.commits}>
      <p className={styles.dim}>{list.length === 1 && !commits.data?.more ? "What it brought:" : `What it brought, in ${commits.data?.more ? "more than " : ""}${list.length} commits:`}</p>
      <ul>
        {(all ? list : list.slice(0, few)).map((c) => (
          <CommitLine key={c.revision} of={c} />
        ))}
      </ul>
      {list.length > few && (
        <button type="button" className={styles.more} aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Fewer" : `${list.length - few} more`}
        </button>
      )}
    </div>
  );
}

export function CommitLine({ of }: { of: WhyCommit }) {
  return (
    <li className={styles.commit}>
      <code title={of.revision}>{short(of.revision)}</code> {of.subject || "(no message)"}{" "}
      <span className={styles.dim}>
        by {personOf(of.author)}, <Time at={of.date} />
      </span>
    </li>
  );
}
