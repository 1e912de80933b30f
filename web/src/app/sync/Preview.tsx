// What the sync would do, beside the choices.
import { Ban, Info, TriangleAlert } from "lucide-react";
import { useMemo } from "react";
import type { ObjectKey, SyncPreview, SyncPreviewWarning } from "../../types";
import { Time } from "../../ui/Time";
import { actionMark } from "./marks";
import { complaint } from "./operation";
import { count, fieldsLine, keyOf, waveName } from "./preview";
import { Steps, type Phase } from "./Steps";
import styles from "./Preview.module.css";

const phaseNotes: Record<string, string> = { SyncFail: "only if something fails" };

export function PreviewSteps({ preview, onOpen }: { preview: SyncPreview; onOpen: (key: ObjectKey) => void }) {
  const phases = useMemo(() => phasesOf(preview), [preview]);
  return <Steps phases={phases} foldWords={(n) => `${count(n, "object")} as in Git`} onOpen={onOpen} openWords="See how Git and the cluster differ" label="The steps of the sync, in their order" />;
}

function phasesOf(p: SyncPreview): Phase[] {
  return (p.phases ?? []).map((phase) => ({
    name: phase.phase ?? "Sync",
    note: phaseNotes[phase.phase ?? ""],
    waves: (phase.waves ?? []).map((wave) => ({
      name: waveName(wave.wave),
      note: wave.wave ? undefined : "before every wave",
      steps: (wave.steps ?? []).map((s) => {
        const key = keyOf(s);
        const fields = fieldsLine(s);
        const said = s.problem ? complaint(s.problem) : undefined;
        return {
          id: `${s.hook ?? ""} ${key.group}/${key.kind}/${key.namespace}/${key.name}`,
          key,
          mark: actionMark(s.action),
          note: [fields, s.reason && sentenceCase(s.reason)].filter(Boolean).join(" · ") || undefined,
          problem: said?.text,
          dull: s.action === "nothing" && !s.problem,
        };
      }),
    })),
  }));
}

/** The planner's words for a prune that is left out, as a sentence for people. */
function sentenceCase(reason: string): string {
  const known: Record<string, string> = {
    "ignored (no prune)": "Its own option Prune=false keeps it.",
    "ignored (requires pruning)": "No longer in Git; it stays unless you prune.",
  };
  if (known[reason]) return known[reason];
  const inside = /^ignored \((.*)\)$/s.exec(reason);
  const text = inside ? inside[1]! : reason;
  return text[0]!.toUpperCase() + text.slice(1);
}

export function Warnings({ list }: { list: SyncPreviewWarning[] }) {
  if (list.length === 0) return null;
  return (
    <ul className={styles.warnings} aria-label="What to know before">
      {list.map((w) => {
        const Icon = w.blocks ? Ban : w.type === "NoHooks" || w.type === "Held" ? Info : TriangleAlert;
        return (
          <li key={w.type + w.message!} className={w.blocks ? styles.blocks : w.type === "NoHooks" || w.type === "Held" ? styles.notes : styles.warns}>
            <Icon aria-label={w.blocks ? "In the way" : "Warning"} />
            <span>
              {w.message}
              {w.until && (
                <>
                  {" "}
                  It changes <Time at={w.until} />.
                </>
              )}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
