// The results as they stand in the record: what scripts read, with a filter.
import { useMemo, useState } from "react";
import type { ObjectKey, ResourceResult } from "../../types";
import { keyOf } from "./preview";
import styles from "./Results.module.css";

/** More rows than anybody reads; the filter finds the others. */
const most = 200;

export function Results({ results, onOpen }: { results: ResourceResult[]; onOpen: (key: ObjectKey) => void }) {
  const [find, setFind] = useState("");
  const [open, setOpen] = useState(false);
  const rows = useMemo(() => found(results, find), [results, find]);
  if (results.length === 0) return null;
  return (
    <details className={styles.results} onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>Results as recorded ({results.length})</summary>
      {open && (
        <>
          <input type="search" className={styles.find} placeholder="Find a result" aria-label="Find a result by object, status or message" value={find} onChange={(e) => setFind(e.target.value)} />
          <div className={styles.scroll} tabIndex={0} role="region" aria-label="Results">
            <table>
              <thead>
                <tr>
                  <th>Phase</th>
                  <th>Object</th>
                  <th>Namespace</th>
                  <th>Status</th>
                  <th>Hook</th>
                  <th>Message</th>
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, most).map((r, i) => (
                  <tr key={i}>
                    <td>{r.syncPhase}</td>
                    <td>
                      <button type="button" className={styles.object} onClick={() => onOpen(keyOf(r))}>
                        {r.kind} {r.name}
                      </button>
                    </td>
                    <td>{r.namespace}</td>
                    <td>{r.status}</td>
                    <td>{r.hookType ? `${r.hookType} ${r.hookPhase ?? ""}` : ""}</td>
                    <td className={styles.message}>{r.message}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p className={styles.more} role="status">
            {rows.length === 0 ? "No result has these words." : rows.length > most ? `The first ${most} of ${rows.length}.` : ""}
          </p>
        </>
      )}
    </details>
  );
}

export function found(results: readonly ResourceResult[], find: string): ResourceResult[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...results];
  return results.filter((r) => {
    const text = [r.syncPhase, r.group, r.kind, r.name, r.namespace, r.status, r.hookType, r.hookPhase, r.message].join(" ").toLowerCase();
    return words.every((w) => text.includes(w));
  });
}
