import { diffLines } from "diff";
import { useMemo } from "react";
import { folded } from "./lines";
import styles from "./Edit.module.css";

/** What changes between two texts, line by line; what stays the same is folded away. */
export function Changes({ before, after, label }: { before: string; after: string; label: string }) {
  const rows = useMemo(() => folded(diffLines(before, after)), [before, after]);
  return (
    <pre className={styles.changes} aria-label={label} tabIndex={0} role="group">
      {rows.map((r, i) =>
        r.kind === "folded" ? (
          <span key={i} className={styles.fold}>
            {`⋯ ${r.count} lines as they are\n`}
          </span>
        ) : (
          <span key={i} className={r.kind === "added" ? styles.added : r.kind === "removed" ? styles.removed : undefined}>
            {r.kind === "same" ? "  " : r.kind === "added" ? "+ " : "- "}
            {r.kind !== "same" && <span className="unseen">{r.kind}: </span>}
            {r.text + "\n"}
          </span>
        ),
      )}
    </pre>
  );
}
