import type { ReactNode } from "react";
import { useMemo } from "react";
import { sideBySide } from "./compare";
import styles from "./SideBySide.module.css";

interface Props {
  left: string;
  right: string;
  leftTitle: ReactNode;
  rightTitle: ReactNode;
  /** What is compared, for screen readers. */
  label: string;
}

/** Two texts side by side: what differs, with a little around it. */
export function SideBySide({ left, right, leftTitle, rightTitle, label }: Props) {
  const parts = useMemo(() => sideBySide(left, right), [left, right]);
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={styles.table}>
        <colgroup>
          <col className={styles.sign} />
          <col />
          <col className={styles.sign} />
          <col />
        </colgroup>
        <thead>
          <tr>
            <th scope="col" colSpan={2}>
              {leftTitle}
            </th>
            <th scope="col" colSpan={2}>
              {rightTitle}
            </th>
          </tr>
        </thead>
        <tbody>
          {parts.map((part, i) =>
            "folded" in part ? (
              <tr key={i}>
                <td colSpan={4} className={styles.folded}>
                  {part.folded} equal {part.folded === 1 ? "line" : "lines"}
                </td>
              </tr>
            ) : (
              part.rows.map((row, j) => (
                <tr key={`${i}.${j}`} className={row.same ? undefined : styles.differs}>
                  <td className={styles.sign}>{!row.same && row.left !== undefined && <span aria-label="before">−</span>}</td>
                  <td className={!row.same && row.left !== undefined ? styles.removed : undefined}>{row.left}</td>
                  <td className={styles.sign}>{!row.same && row.right !== undefined && <span aria-label="after">+</span>}</td>
                  <td className={!row.same && row.right !== undefined ? styles.added : undefined}>{row.right}</td>
                </tr>
              ))
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}
