// The form and the YAML of one document, and what would come of it: side by side where there is room, else in tabs.
import { lazy, Suspense, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { Tabs } from "../ui/Tabs";
import { Waiting } from "../ui/Say";
import { Destination } from "./Destination";
import type { Check, Draft } from "./draft";
import { errorsOf, fieldPath } from "./findings";
import { FormContext } from "./form";
import { Further } from "./Further";
import { General } from "./General";
import { useClusters } from "./known";
import { Policy } from "./Policy";
import { Preview } from "./Preview";
import type { View } from "./search";
import { sentence } from "./sentence";
import { Sources } from "./Sources";
import { rangeOf } from "./yaml";
import styles from "./Edit.module.css";

const YamlEditor = lazy(() => import("./YamlEditor"));

interface Props {
  draft: Draft;
  check: Check;
  existing: boolean;
  now?: readonly { group?: string; kind?: string; namespace?: string; name?: string }[];
  view: View;
  onView: (view: View) => void;
  /** What the reader has to know before anything else. */
  notices?: ReactNode;
}

export function Workbench({ draft, check, existing, now, view, onView, notices }: Props) {
  const wide = useWide();
  const findings = check.answer?.findings ?? [];
  const [wanted, setWanted] = useState<string>();

  // To a field: the form first, and in it whatever is folded around the field.
  const go = (field: string) => {
    if (!wide && view !== "form") onView("form");
    setWanted(field);
  };
  useEffect(() => {
    if (wanted === undefined) return;
    const name = nearest(wanted);
    setWanted(undefined);
    if (!name) return;
    for (let d = name.closest("details"); d; d = d.parentElement?.closest("details") ?? null) d.open = true;
    name.focus();
    name.scrollIntoView({ block: "center" });
  }, [wanted, view]);

  const form = (
    <FormContext.Provider value={{ value: draft.value, change: draft.setValue, findings, existing }}>
      <form className={styles.form} aria-label="Application" onSubmit={(e) => e.preventDefault()}>
        {draft.fault && (
          <p className={styles.wrong} role="status">
            The YAML cannot be read (line {draft.fault.line}), so the form waits. It shows what could be read last.
          </p>
        )}
        <fieldset className={styles.all} disabled={!!draft.fault}>
          <legend className="unseen">All fields</legend>
          <General />
          <Sources found={check.answer?.sources ?? []} />
          <Destination />
          <Policy />
          <Further />
        </fieldset>
      </form>
    </FormContext.Provider>
  );
  const text = <Yaml draft={draft} check={check} />;
  const preview = <Preview check={check} fault={draft.fault} now={now} onGo={go} />;
  const wrong = errorsOf(findings).length;
  return (
    <div className={styles.bench}>
      <Words draft={draft} />
      {notices}
      {wide ? (
        <div className={styles.sides}>
          {form}
          <div className={styles.right}>
            {text}
            {preview}
          </div>
        </div>
      ) : (
        <div className={styles.tabs}>
          <Tabs
            label="Form, YAML or preview"
            value={view}
            onChange={(v) => onView(v as View)}
            tabs={[
              { value: "form", label: "Form", content: form },
              { value: "yaml", label: draft.fault ? "YAML (cannot be read)" : "YAML", content: text },
              { value: "preview", label: wrong > 0 ? `Preview (${wrong} to mend)` : "Preview", content: preview },
            ]}
          />
        </div>
      )}
    </div>
  );
}

/** The control of a field, or the first one in what is named. */
function nearest(field: string): HTMLElement | undefined {
  const all = [...document.querySelectorAll<HTMLElement>("form [name]")].filter((e) => e.getAttribute("name") !== "");
  return all.find((e) => e.getAttribute("name") === field) ?? all.find((e) => e.getAttribute("name")!.startsWith(field)) ?? all.find((e) => e.getAttribute("name")!.startsWith(field.replace(/[.[][^.[]*$/, "")));
}

/** What will be, in words. Screen readers hear it again when the writer pauses. */
function Words({ draft }: { draft: Draft }) {
  const clusters = useClusters();
  const words = useMemo(() => sentence(draft.value, clusters), [draft.value, clusters]);
  return (
    <p className={styles.words} role="status">
      {words}
    </p>
  );
}

function Yaml({ draft, check }: { draft: Draft; check: Check }) {
  const marks = useMemo(() => {
    if (draft.fault) return [{ from: draft.fault.from, to: Math.max(draft.fault.to, draft.fault.from + 1), message: draft.fault.message }];
    return (check.answer?.findings ?? []).flatMap((f) => {
      const r = rangeOf(draft.text, fieldPath(f.field));
      return r ? [{ ...r, message: f.message ?? "", warning: f.warning }] : [];
    });
  }, [draft.fault, draft.text, check.answer]);
  return (
    <section className={styles.yaml} aria-label="YAML">
      <div className={styles.editor}>
        <Suspense fallback={<Waiting>Loading the editor</Waiting>}>
          <YamlEditor text={draft.text} onChange={draft.setText} label="The application as YAML. Tab leaves the editor." marks={marks} />
        </Suspense>
      </div>
      <p className={styles.hint}>
        <kbd>Tab</kbd> leaves the editor, <kbd>Ctrl</kbd> <kbd>]</kbd> indents, <kbd>Ctrl</kbd> <kbd>F</kbd> finds. Comments and unknown fields stay.
      </p>
    </section>
  );
}

const room = window.matchMedia?.("(min-width: 1000px)");

function useWide(): boolean {
  return useSyncExternalStore(
    (tell) => {
      room?.addEventListener("change", tell);
      return () => room?.removeEventListener("change", tell);
    },
    () => room?.matches ?? true,
  );
}
