import { memo, type CSSProperties } from "react";
import { visible } from "./text";
import type { Token } from "./tokens";
import styles from "./Line.module.css";

/** One line of YAML in colour. Whatever stands in it is text. */
export const Line = memo(function Line({ list }: { list: readonly (Token & { marked?: true })[] }) {
  return list.map((t, i) => {
    const text = visible(t.text);
    const look = [t.kind !== "text" && t.kind !== "space" && styles[t.kind], t.marked && styles.marked].filter(Boolean).join(" ");
    return look ? (
      <span key={i} className={look}>
        {text}
      </span>
    ) : (
      text
    );
  });
});

/** What is broken at the edge goes on a little deeper than its line begins. */
export function hanging(list: readonly Token[]): CSSProperties | undefined {
  const first = list[0];
  const deep = Math.min(24, (first?.kind === "space" ? first.text.length : 0) + 2);
  return { paddingLeft: `${deep}ch`, textIndent: `-${deep}ch` };
}
