// Marks of steps: a shape, a colour and a word.
import { Ban, CircleCheck, CircleDashed, CircleDot, CircleX, Equal, Hourglass, LoaderCircle, Pencil, Plus, RefreshCcwDot, Replace, ShieldMinus, SkipForward, Trash2, Zap, type LucideIcon } from "lucide-react";
import type { StepState } from "./operation";
import type { Action } from "./preview";
import styles from "./Marks.module.css";

interface Mark {
  icon: LucideIcon;
  tone: string;
  word: string;
  turns?: boolean;
}

const actions: Record<Action, Mark> = {
  create: { icon: Plus, tone: "good", word: "Create" },
  update: { icon: Pencil, tone: "change", word: "Change" },
  replace: { icon: Replace, tone: "change", word: "Replace" },
  recreate: { icon: RefreshCcwDot, tone: "bad", word: "Recreate" },
  prune: { icon: Trash2, tone: "bad", word: "Prune" },
  keep: { icon: ShieldMinus, tone: "quiet", word: "Keep" },
  hook: { icon: Zap, tone: "busy", word: "Run hook" },
  nothing: { icon: Equal, tone: "quiet", word: "As in Git" },
};

const states: Record<StepState, Mark> = {
  done: { icon: CircleCheck, tone: "good", word: "Done" },
  running: { icon: LoaderCircle, tone: "busy", word: "Running", turns: true },
  waiting: { icon: Hourglass, tone: "change", word: "Waiting" },
  failed: { icon: CircleX, tone: "bad", word: "Failed" },
  skipped: { icon: SkipForward, tone: "quiet", word: "Left alone" },
  pruned: { icon: Trash2, tone: "good", word: "Pruned" },
  pending: { icon: CircleDashed, tone: "quiet", word: "To come" },
  unreached: { icon: Ban, tone: "quiet", word: "Not reached" },
};

export const actionMark = (a: string | undefined): Mark => actions[a as Action] ?? { icon: CircleDot, tone: "quiet", word: a ?? "" };
export const stateMark = (s: StepState): Mark => states[s];

/** A phase that has done something with all its steps is itself done; its word is that of a step. */
export function StateMark({ of, bare }: { of: StepState; bare?: boolean }) {
  return <MarkOf mark={states[of]} bare={bare} />;
}

export function MarkOf({ mark, bare }: { mark: Mark; bare?: boolean }) {
  const Icon = mark.icon;
  return (
    <span className={`${styles.mark} ${styles[mark.tone]}`} title={bare ? mark.word : undefined}>
      <Icon aria-hidden className={mark.turns ? styles.turns : undefined} />
      <span className={bare ? "unseen" : undefined}>{mark.word}</span>
    </span>
  );
}

export type { Mark };
