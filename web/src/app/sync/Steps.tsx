// Steps in their phases and waves, one under the other. A preview and an operation look alike, so that one can be found
// in the other. What is uneventful is folded; of thousands only those in sight are drawn.
import { ChevronDown, ChevronRight } from "lucide-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import type { ObjectKey } from "../../types";
import { MarkOf, type Mark } from "../../ui/Status";
import styles from "./Steps.module.css";

export interface Step {
  id: string;
  key: ObjectKey;
  mark: Mark;
  hook?: string;
  /** What is to be known of it, in a line. */
  note?: ReactNode;
  /** What is wrong with it. */
  problem?: ReactNode;
  /** It is not worth a line of its own unless somebody asks. */
  dull?: boolean;
}

export interface Wave {
  name: string;
  mark?: Mark;
  note?: ReactNode;
  steps: Step[];
}

export interface Phase {
  name: string;
  mark?: Mark;
  note?: ReactNode;
  waves: Wave[];
}

type Row = { id: string } & ({ phase: Phase } | { wave: Wave; of: Phase } | { step: Step } | { fold: string; steps: Step[]; open: boolean });

interface Props {
  phases: Phase[];
  /** What the folded steps of a wave are together: "12 as in Git". */
  foldWords: (n: number) => string;
  onOpen: (key: ObjectKey) => void;
  /** What opening one shows, for its tooltip. */
  openWords: string;
  label: string;
}

export function Steps({ phases, foldWords, onOpen, openWords, label }: Props) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => rowsOf(phases, open), [phases, open]);
  const toggle = (id: string) => setOpen((was) => new Set(was.has(id) ? [...was].filter((x) => x !== id) : [...was, id]));
  const draw = (row: Row) => {
    if ("phase" in row) return <PhaseRow phase={row.phase} />;
    if ("wave" in row) return <WaveRow wave={row.wave} />;
    if ("step" in row) return <StepRow step={row.step} onOpen={onOpen} openWords={openWords} />;
    return (
      <button type="button" className={styles.fold} aria-expanded={row.open} onClick={() => toggle(row.fold)}>
        {row.open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
        {foldWords(row.steps.length)}
      </button>
    );
  };
  return rows.length > 150 ? <Long rows={rows} draw={draw} label={label} /> : <Short rows={rows} draw={draw} label={label} />;
}

interface Drawn {
  rows: Row[];
  draw: (row: Row) => ReactNode;
  label: string;
}

function Short({ rows, draw, label }: Drawn) {
  return (
    <ul className={styles.steps} aria-label={label}>
      {rows.map((row) => (
        <li key={row.id}>{draw(row)}</li>
      ))}
    </ul>
  );
}

function Long({ rows, draw, label }: Drawn) {
  const ref = useRef<HTMLUListElement>(null);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [above, setAbove] = useState(0);
  useLayoutEffect(() => {
    // What stands above it comes and goes: warnings, a wait.
    const at = scrollerOf(ref.current!);
    setScroller(at);
    setAbove(Math.round(ref.current!.getBoundingClientRect().top - at.getBoundingClientRect().top + at.scrollTop));
  });
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => scroller, estimateSize: () => 36, overscan: 12, scrollMargin: above, getItemKey: (i) => rows[i]!.id });
  return (
    <ul ref={ref} className={`${styles.steps} ${styles.long}`} style={{ height: list.getTotalSize() }} aria-label={label}>
      {list.getVirtualItems().map((item) => (
        <li key={item.key} ref={list.measureElement} data-index={item.index} aria-setsize={rows.length} aria-posinset={item.index + 1} style={{ transform: `translateY(${item.start - above}px)` }}>
          {draw(rows[item.index]!)}
        </li>
      ))}
    </ul>
  );
}

function scrollerOf(from: HTMLElement): HTMLElement {
  for (let at = from.parentElement; at; at = at.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return document.documentElement;
}

function rowsOf(phases: Phase[], open: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  for (const phase of phases) {
    rows.push({ id: phase.name, phase });
    for (const wave of phase.waves) {
      const id = `${phase.name} ${wave.name}`;
      if (phase.waves.length > 1 || wave.name !== "Wave 0") rows.push({ id, wave, of: phase });
      const dull = wave.steps.filter((s) => s.dull);
      const fold = dull.length > 3;
      for (const step of wave.steps) if (!fold || !step.dull) rows.push({ id: `${id} ${step.id}`, step });
      if (!fold) continue;
      rows.push({ id: `${id} fold`, fold: id, steps: dull, open: open.has(id) });
      if (open.has(id)) for (const step of dull) rows.push({ id: `${id} ${step.id}`, step });
    }
  }
  return rows;
}

function PhaseRow({ phase }: { phase: Phase }) {
  return (
    <div className={styles.phase}>
      <h3>{phase.name}</h3>
      {phase.mark && <MarkOf mark={phase.mark} />}
      {phase.note && <span className={styles.note}>{phase.note}</span>}
    </div>
  );
}

function WaveRow({ wave }: { wave: Wave }) {
  return (
    <div className={styles.wave}>
      {wave.mark && <MarkOf mark={wave.mark} bare />}
      <span>{wave.name}</span>
      {wave.note && <span className={styles.note}>{wave.note}</span>}
    </div>
  );
}

function StepRow({ step, onOpen, openWords }: { step: Step; onOpen: (key: ObjectKey) => void; openWords: string }) {
  const { kind, name, namespace } = step.key;
  return (
    <div className={`${styles.step} ${step.problem ? styles.bad : ""}`}>
      <span className={styles.mark}>
        <MarkOf mark={step.mark} />
      </span>
      <span className={styles.what}>
        <button type="button" className={styles.object} title={`${openWords}${namespace ? ` (in ${namespace})` : ""}`} onClick={() => onOpen(step.key)}>
          <span className={styles.kind}>{kind}</span> {name}
        </button>
        {step.hook && <span className={styles.hook}>{step.hook}</span>}
        {step.note && <span className={styles.note}>{step.note}</span>}
        {step.problem && <span className={styles.problem}>{step.problem}</span>}
      </span>
    </div>
  );
}
