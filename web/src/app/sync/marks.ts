// Marks of steps, and of what a preview says that they will do.
import { Ban, CircleCheck, CircleDashed, CircleDot, CircleX, Equal, Hourglass, LoaderCircle, Pencil, Plus, RefreshCcwDot, Replace, ShieldMinus, SkipForward, Trash2, Zap } from "lucide-react";
import type { Mark } from "../../ui/Status";
import type { StepState } from "./operation";
import type { Action } from "./preview";

const actions: Record<Action, Mark> = {
  create: { icon: Plus, tone: "healthy", word: "Create" },
  update: { icon: Pencil, tone: "outofsync", word: "Change" },
  replace: { icon: Replace, tone: "outofsync", word: "Replace" },
  recreate: { icon: RefreshCcwDot, tone: "degraded", word: "Recreate" },
  prune: { icon: Trash2, tone: "degraded", word: "Prune" },
  keep: { icon: ShieldMinus, tone: "unknown", word: "Keep" },
  hook: { icon: Zap, tone: "progressing", word: "Run hook" },
  nothing: { icon: Equal, tone: "unknown", word: "As in Git" },
};

const states: Record<StepState, Mark> = {
  done: { icon: CircleCheck, tone: "healthy", word: "Done" },
  running: { icon: LoaderCircle, tone: "progressing", word: "Running", turns: true },
  waiting: { icon: Hourglass, tone: "outofsync", word: "Waiting" },
  failed: { icon: CircleX, tone: "degraded", word: "Failed" },
  skipped: { icon: SkipForward, tone: "unknown", word: "Left alone" },
  pruned: { icon: Trash2, tone: "healthy", word: "Pruned" },
  pending: { icon: CircleDashed, tone: "unknown", word: "To come" },
  unreached: { icon: Ban, tone: "unknown", word: "Not reached" },
};

export const actionMark = (a: string | undefined): Mark => actions[a as Action] ?? { icon: CircleDot, tone: "unknown", word: a ?? "" };
export const stateMark = (s: StepState): Mark => states[s];
