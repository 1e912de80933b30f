// The picture of an operation: its phases in a row, and below them every wave with its steps.
import { ArrowRight } from "lucide-react";
import { useMemo } from "react";
import type { ObjectKey } from "../../types";
import { MarkOf } from "../../ui/Status";
import { stateMark } from "./marks";
import { complaint, type OperationPhase, type OperationWave, type StepState } from "./operation";
import { count, waveName } from "./preview";
import { Steps, type Phase } from "./Steps";
import styles from "./Pipeline.module.css";

interface Props {
  phases: OperationPhase[];
  onOpen: (key: ObjectKey) => void;
}

export function Pipeline({ phases, onOpen }: Props) {
  const steps = useMemo(() => phases.map(toSteps), [phases]);
  if (phases.length === 0) return null;
  return (
    <section className={styles.pipeline} aria-label="Phases and waves">
      {(phases.length > 1 || phases[0]!.waves.length > 1) && <Glance phases={phases} />}
      <Steps phases={steps} foldWords={(n) => `${count(n, "object")} done`} onOpen={onOpen} openWords="See the object" label="Every step" />
    </section>
  );
}

function Glance({ phases }: { phases: OperationPhase[] }) {
  return (
      <ol className={styles.row} aria-label="The sync at a glance">
        {phases.map((p, i) => (
          <li key={p.phase} className={styles.item}>
            {i > 0 && <ArrowRight aria-hidden className={styles.arrow} />}
            <PhaseCard phase={p} />
          </li>
        ))}
      </ol>
  );
}

function PhaseCard({ phase }: { phase: OperationPhase }) {
  const shown = phase.waves.slice(0, 12);
  return (
    <div className={`${styles.card} ${styles[phase.state]}`}>
      <div className={styles.head}>
        <strong>{phase.phase}</strong>
        <MarkOf mark={stateMark(phase.state)} />
      </div>
      <ul className={styles.waves}>
        {shown.map((w) => (
          <li key={w.wave ?? "?"} className={styles.wave} title={`${nameOf(w)}: ${stateMark(w.state).word}`}>
            <MarkOf mark={stateMark(w.state)} bare />
            {shortName(w)}
            <span className={styles.count}>{overOf(w)}/{w.steps.length}</span>
          </li>
        ))}
        {phase.waves.length > shown.length && <li className={styles.wave}>{phase.waves.length - shown.length} more waves</li>}
      </ul>
    </div>
  );
}

const nameOf = (w: OperationWave) => (w.wave === undefined ? "Wave not known" : waveName(w.wave));
const shortName = (w: OperationWave) => (w.wave === undefined ? "" : w.wave === "" ? "first" : `wave ${w.wave}`);
const open: StepState[] = ["pending", "running", "waiting", "unreached"];
const overOf = (w: OperationWave) => w.steps.filter((s) => !open.includes(s.state)).length;

function toSteps(p: OperationPhase): Phase {
  return {
    name: p.phase,
    mark: stateMark(p.state),
    waves: p.waves.map((w) => ({
      name: nameOf(w),
      mark: stateMark(w.state),
      steps: w.steps.map((s) => ({
        id: s.id,
        key: s.key,
        mark: stateMark(s.state),
        hook: s.hook ? "hook" : undefined,
        note: s.state === "failed" ? undefined : noteOf(s.message),
        problem: s.state === "failed" ? complaint(s.message).text : undefined,
        dull: s.state === "done" && !s.hook,
      })),
    })),
  };
}

/** The result without the object's name, which stands beside it: "deployment.apps/web configured". */
function noteOf(message: string): string {
  const inside = /^ignored \((.*)\)$/s.exec(message);
  const text = inside ? inside[1]! : message.replace(/^[a-z0-9.]+\/\S+ (?=[a-z-]+( \(dry run\))?$)/, "");
  return text === "pruned" ? "" : text;
}
