// What a preview says, in words and numbers.
import type { ObjectKey, SyncPreview, SyncPreviewStep, SyncPreviewWarning } from "../../types";

export type Action = "create" | "update" | "replace" | "recreate" | "prune" | "keep" | "hook" | "nothing";

export const keyOf = (s: { group?: string; kind?: string; namespace?: string; name?: string }): ObjectKey => ({ group: s.group ?? "", kind: s.kind ?? "", namespace: s.namespace ?? "", name: s.name ?? "" });

export const stepsOf = (p: SyncPreview | undefined): SyncPreviewStep[] => (p?.phases ?? []).flatMap((f) => (f.waves ?? []).flatMap((w) => w.steps ?? []));

export interface Totals extends Record<Action, number> {
  fields: number;
  /** Hooks that run only when something has failed. */
  onFailure: number;
  failing: number;
}

export function totals(p: SyncPreview | undefined): Totals {
  const n: Totals = { create: 0, update: 0, replace: 0, recreate: 0, prune: 0, keep: 0, hook: 0, nothing: 0, fields: 0, onFailure: 0, failing: 0 };
  for (const phase of p?.phases ?? []) {
    for (const wave of phase.waves ?? []) {
      for (const s of wave.steps ?? []) {
        if (phase.phase === "SyncFail") n.onFailure++;
        else n[(s.action as Action) ?? "keep"]++;
        if (s.action === "update") n.fields += s.fieldCount ?? 0;
        if (s.problem) n.failing++;
      }
    }
  }
  return n;
}

export const count = (n: number, one: string, many = one + "s"): string => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** "Will create 2, change 3 (5 fields), prune 1 and run 2 hooks." */
export function sentence(p: SyncPreview, dryRun: boolean): string {
  const n = totals(p);
  const parts = [
    n.create && `create ${n.create}`,
    n.update && `change ${n.update}${n.fields ? ` (${count(n.fields, "field")})` : ""}`,
    n.replace && `replace ${n.replace}`,
    n.recreate && `delete and create anew ${n.recreate}`,
    n.prune && `prune ${n.prune}`,
    n.hook && `run ${count(n.hook, "hook")}`,
  ].filter((x): x is string => !!x);
  const refused = n.failing ? `Would fail: ${count(n.failing, "step is", "steps are")} refused.` : "";
  if (parts.length === 0) {
    const left = n.keep ? ` ${count(n.keep, "object is", "objects are")} left alone.` : "";
    return (refused || (n.nothing ? `Changes nothing: ${count(n.nothing, "object is", "objects are")} as Git says.` : "There is nothing to do.")) + left;
  }
  const last = parts.pop()!;
  const what = `${parts.length ? parts.join(", ") + " and " : ""}${last}.`;
  return refused ? `${refused} Otherwise it would ${what}` : `${dryRun ? "Would" : "Will"} ${what}`;
}

/** What the button says: what happens when it is pressed. */
export function buttonText(p: SyncPreview | undefined, dryRun: boolean): string {
  if (dryRun) return "Dry run";
  if (!p) return "Sync";
  const n = totals(p);
  const applied = n.create + n.update + n.replace + n.recreate + n.nothing;
  const parts = [applied && `Sync ${count(applied, "object")}`, n.prune && `${applied ? "prune" : "Prune"} ${applied ? n.prune : count(n.prune, "object")}`].filter(Boolean);
  if (parts.length > 0) return parts.join(", ");
  return n.hook ? `Run ${count(n.hook, "hook")}` : "Sync";
}

/** Why pressing it would do nothing; empty when it would. */
export const blockers = (p: SyncPreview | undefined): SyncPreviewWarning[] => (p?.warnings ?? []).filter((w) => w.blocks);

/** A wave's name. What has none comes before every other. */
export const waveName = (wave: string | undefined): string => (wave ? `Wave ${wave}` : "First");

/** The fields in one line: "data.colour, data.shape and 3 more". */
export function fieldsLine(s: SyncPreviewStep): string {
  const shown = s.fields ?? [];
  const more = (s.fieldCount ?? 0) - shown.length;
  return shown.join(", ") + (more > 0 && shown.length ? ` and ${more} more` : "");
}
