// Sync: what to do, and beside it what that would do.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { ShieldCheck, Upload } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError, path, send } from "../../api";
import { useMay, useSettings } from "../../session";
import { useSettled } from "../../settled";
import type { Application, SyncPreview } from "../../types";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Failure, Waiting } from "../../ui/Say";
import { policyObject, short, useRevision } from "../data";
import { useShow } from "../ApplicationPage";
import type { PanelProps } from "../AppPanel";
import { nodeOf } from "../search";
import { fromAddress, previewOf, requestOf, toAddress, wrongWith, type SyncChoices } from "./choices";
import { previewQuery, stampOf } from "./data";
import { Options } from "./Options";
import { PreviewSteps, Warnings } from "./Preview";
import { blockers, buttonText, sentence } from "./preview";
import styles from "./SyncPanel.module.css";

/** What is typed is asked about when it has been left alone for a moment. */
const afterTyping = 350;

export function SyncPanel({ app, record }: PanelProps) {
  const show = useShow();
  const onClose = () => show({ panel: undefined, tab: undefined, sync: undefined });
  const { sync } = useSearch({ from: "/inside/applications/$namespace/$name" });
  const [choices, setChoices] = useState(() => fromAddress(sync, record));
  const settled = useSettled(choices, afterTyping);
  const [checked, setChecked] = useState<SyncChoices>();
  const wrong = wrongWith(choices);
  const request = useMemo(() => ({ ...previewOf(settled, record, app), ...(checked === settled && { check: true }) }), [settled, record.spec, app.name, app.namespace, checked]);
  const preview = useQuery({ ...previewQuery(app, request, stampOf(record)), enabled: !wrongWith(settled).chosen });
  const known = wrong.chosen || preview.isError ? undefined : preview.data;
  const may = useMay("applications", "sync", policyObject(record, useSettings()?.controllerNamespace));

  useEffect(() => show({ sync: toAddress(settled, record) }, true), [settled]);

  const start = useMutation({
    mutationFn: () => send<Application>("POST", path`/api/v1/applications/${app.name}/sync`, requestOf(choices, record, app)),
    onSuccess: () => show({ panel: "operation", sync: undefined }, true),
  });
  const why = wrong.chosen ?? wrong.retry ?? (may === false ? "You may not sync this application." : blockers(known)[0]?.message ?? (isRefused(preview.error) ? "There is no sync like this." : undefined));
  const asking = settled !== choices || preview.isFetching;
  // Nobody presses what says one thing and does another: until the preview is that of what is chosen now, it waits.
  const previewed = useRef<SyncChoices>(undefined);
  if (preview.data && !preview.isPlaceholderData) previewed.current = settled;
  const behind = known !== undefined && (settled !== choices || previewed.current !== settled);

  return (
    <Dialog
      title={`Sync ${app.name}`}
      place="side"
      width="wide"
      onClose={onClose}
      actions={
        <>
          <p className={`${styles.sum} ${why ? styles.why : ""}`} role="status">
            {why ?? (known && !asking ? sentence(known, choices.dryRun) : asking ? "Working out what it would do…" : "")}
          </p>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" icon={<Upload />} disabled={!!why || may === undefined || behind} busy={start.isPending && "Starting…"} onClick={() => start.mutate()}>
            {buttonText(known, choices.dryRun)}
          </Button>
        </>
      }
    >
      <div className={styles.panes}>
        <div className={styles.form}>
          {start.isError && <Failure error={start.error} doing={`sync ${app.name}`} />}
          <Options record={record} choices={choices} wrong={wrong} onChange={(change) => setChoices((was) => ({ ...was, ...change }))} />
        </div>
        <section className={styles.preview} aria-label="What the sync would do" aria-busy={asking}>
          <Preview
            {...{ app, known, asking, dryRun: choices.dryRun }}
            chosen={wrong.chosen}
            error={preview.error}
            checked={checked === settled && !asking}
            onCheck={() => setChecked(settled)}
            onRetry={() => void preview.refetch()}
            onOpen={(node) => show({ panel: undefined, sync: undefined, node, tab: "diff" })}
          />
        </section>
      </div>
    </Dialog>
  );
}

/** The server does not know what is asked for, a revision that is none for example. */
const isRefused = (e: unknown) => e instanceof ApiError && e.status >= 400 && e.status < 500;

interface PreviewProps {
  app: PanelProps["app"];
  known: SyncPreview | undefined;
  asking: boolean;
  dryRun: boolean;
  chosen?: string;
  error: unknown;
  checked: boolean;
  onCheck: () => void;
  onRetry: () => void;
  onOpen: (node: string) => void;
}

function Preview({ app, known, asking, dryRun, chosen, error, checked, onCheck, onRetry, onOpen }: PreviewProps) {
  const revision = useRevision(app, known?.revision);
  if (chosen) return <p className={styles.hint}>Choose objects to see what a sync of them would do.</p>;
  if (error) return <Failure error={error} doing="work out what the sync would do" onRetry={onRetry} />;
  if (!known) return <Waiting>Working out what the sync would do</Waiting>;
  const commit = revision.data?.message?.split("\n")[0];
  return (
    <div className={asking ? styles.old : undefined}>
      <div className={styles.head}>
        <div>
          <h3 className={styles.sentence}>{sentence(known, dryRun)}</h3>
          {(known.revision || known.revisions) && (
            <p className={styles.hint}>
              At {known.revision ? <code>{short(known.revision)}</code> : known.revisions!.map(short).join(", ")}
              {commit && `: ${commit}`}
            </p>
          )}
        </div>
        <Button small icon={<ShieldCheck />} disabled={asking || checked} onClick={onCheck} title="A dry run of every step; nothing is written">
          {checked ? "The API server has checked it" : "Have the API server check it"}
        </Button>
      </div>
      <Warnings list={known.warnings ?? []} />
      {known.phases?.length ? <PreviewSteps preview={known} onOpen={(key) => onOpen(nodeOf(key))} /> : null}
    </div>
  );
}
