// Status marks: a shape, a colour and a word, so that none has to be told by colour alone.
import { CircleAlert, CircleCheck, CircleDashed, CircleHelp, CirclePause, CircleX, GitCompareArrows, Check, CircleArrowUp, LoaderCircle, Octagon, type LucideIcon } from "lucide-react";
import type { Health, Phase, SyncStatus } from "../types";
import styles from "./Status.module.css";

/** A shape, a colour and a word. */
export interface Mark {
  icon: LucideIcon;
  tone: "healthy" | "progressing" | "degraded" | "suspended" | "missing" | "outofsync" | "unknown";
  word: string;
  turns?: boolean;
}

const health: Record<Health, Mark> = {
  Healthy: { icon: CircleCheck, tone: "healthy", word: "Healthy" },
  Progressing: { icon: LoaderCircle, tone: "progressing", word: "Progressing", turns: true },
  Degraded: { icon: CircleX, tone: "degraded", word: "Degraded" },
  Suspended: { icon: CirclePause, tone: "suspended", word: "Suspended" },
  Missing: { icon: CircleDashed, tone: "missing", word: "Missing" },
  Unknown: { icon: CircleHelp, tone: "unknown", word: "Unknown" },
};

const sync: Record<SyncStatus, Mark> = {
  Synced: { icon: Check, tone: "healthy", word: "Synced" },
  OutOfSync: { icon: GitCompareArrows, tone: "outofsync", word: "OutOfSync" },
  Unknown: { icon: CircleHelp, tone: "unknown", word: "Unknown" },
};

const phase: Record<Phase, Mark> = {
  Running: { icon: LoaderCircle, tone: "progressing", word: "Syncing", turns: true },
  Terminating: { icon: Octagon, tone: "outofsync", word: "Terminating", turns: false },
  Succeeded: { icon: CircleArrowUp, tone: "healthy", word: "Sync OK" },
  Failed: { icon: CircleX, tone: "degraded", word: "Sync failed" },
  Error: { icon: CircleAlert, tone: "degraded", word: "Sync error" },
};

interface Props {
  /** Only the shape; the word is for screen readers and on hover. */
  bare?: boolean;
  /** More on hover: the message of the status. */
  title?: string;
}

export function HealthMark({ of, ...rest }: Props & { of?: string }) {
  return <MarkOf mark={health[of as Health] ?? health.Unknown} {...rest} />;
}

export function SyncMark({ of, ...rest }: Props & { of?: string }) {
  return <MarkOf mark={sync[of as SyncStatus] ?? sync.Unknown} {...rest} />;
}

export function PhaseMark({ of, ...rest }: Props & { of?: string }) {
  const mark = phase[of as Phase];
  return mark ? <MarkOf mark={mark} {...rest} /> : null;
}

/** A mark that is none of a health, a sync or an operation. */
export function MarkOf({ mark, bare, title }: Props & { mark: Mark }) {
  const Icon = mark.icon;
  return (
    <span className={`${styles.mark} ${styles[mark.tone]} ${bare ? styles.bare : ""}`} title={title ? `${mark.word}: ${title}` : bare ? mark.word : undefined}>
      <Icon aria-hidden className={mark.turns ? styles.turns : undefined} />
      <span className={bare ? "unseen" : undefined}>{mark.word}</span>
    </span>
  );
}

/** The name of the colours of a health: var(--degraded), var(--degraded-bg). */
export const toneOf = (of?: string) => (health[of as Health] ?? health.Unknown).tone;
