// A short statement with a tone: shape, colour and words together, as ui/Status has it for applications.
import { Check, CircleAlert, CircleDashed, CircleHelp, CircleX, Info } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./Word.module.css";

const icons = { healthy: Check, degraded: CircleX, outofsync: CircleAlert, unknown: CircleHelp, off: CircleDashed, plain: Info };

export type Tone = keyof typeof icons;

export function Word({ tone, title, children }: { tone: Tone; title?: string; children: ReactNode }) {
  const Icon = icons[tone];
  return (
    <span className={`${styles.word} ${styles[tone]}`} title={title}>
      <Icon aria-hidden />
      <span>{children}</span>
    </span>
  );
}
