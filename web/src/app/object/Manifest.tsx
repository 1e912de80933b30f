import { useSearch } from "@tanstack/react-router";
import { Pencil } from "lucide-react";
import { useMemo, type ReactNode } from "react";
import { usePreference } from "../../preference";
import { useMay, useSettings } from "../../session";
import type { Application, AppName, ResourceDiff } from "../../types";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Checkbox } from "../../ui/Field";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Code } from "../../yaml/Code";
import { parse, toYaml, withoutManagers } from "../../yaml/text";
import { useShow } from "../ApplicationPage";
import { policyObject } from "../data";
import { EditLive } from "./EditLive";
import type { Facts } from "./facts";
import type { Live } from "./live";
import styles from "./Manifest.module.css";

interface Props {
  app: AppName;
  record: Application;
  facts: Facts;
  live: Live;
  diff?: ResourceDiff;
}

/** The object as YAML: as the cluster has it, or as Git says. */
export function Manifest({ app, record, facts, live, diff }: Props) {
  const show = useShow();
  const part = useSearch({ from: "/inside/applications/$namespace/$name" }).tab?.split(".")[1];
  const [managers, setManagers] = usePreference<boolean>("managedFields", false, (kept) => (kept === true ? true : undefined));
  const settings = useSettings();
  const { group, kind, namespace, name } = facts.key;
  const may = useMay("applications", `update/${group}/${kind}/${namespace}/${name}`, policyObject(record, settings?.controllerNamespace));
  const target = useMemo(() => parse(diff?.targetState), [diff?.targetState]);
  const side = part === "desired" || (part === undefined && facts.missing && target) ? "desired" : "live";
  const live_ = live.data ?? undefined;
  const shown = side === "desired" ? target : live_;
  const text = useMemo(() => (shown ? toYaml(side === "desired" || managers ? shown : withoutManagers(shown)) : ""), [shown, side, managers]);
  const choose = (to: string | undefined) => show({ tab: to ? `manifest.${to}` : "manifest" }, true);
  const locked = facts.itself || group === "argoproj.io" ? "It is changed with its own form, or in Git" : may === false ? "Your role may not change objects of this application" : undefined;

  if (part === "edit" && live_ && may && !locked) return <EditLive app={app} record={record} facts={facts} live={live_} onClose={() => choose(undefined)} />;
  return (
    <>
      <div className={styles.bar}>
        <div role="group" aria-label="Which manifest" className={styles.choice}>
          <Choice on={side === "live"} onClick={() => choose("live")} disabled={facts.missing}>
            Live
          </Choice>
          <Choice on={side === "desired"} onClick={() => choose("desired")} disabled={!target}>
            Desired
          </Choice>
        </div>
        {side === "live" && <Checkbox label="managedFields" checked={managers} onChange={(e) => setManagers(e.target.checked)} />}
        <span className={styles.right}>
          {text && <Copy text={text} label="Copy the manifest" />}
          <Button small icon={<Pencil />} disabled={!live_ || !may || !!locked} title={locked} onClick={() => choose("edit")}>
            Edit live
          </Button>
        </span>
      </div>
      <p className={styles.hint}>
        {side === "live" ? "As the API server has it now." : "As Git says, with the mark that makes it this application's."}
        {kind === "Secret" && !group && " Values are hidden; equal values have equal marks."}
        {!target && !facts.itself && !facts.missing && " Git has no manifest of it."}
      </p>
      {text ? (
        <Code text={text} label={`Manifest of ${kind} ${name}, ${side}`} />
      ) : side === "desired" ? (
        <Empty title="Git has no manifest of it" />
      ) : facts.missing ? (
        <Empty title="The cluster does not have it">
          <p>A sync creates it, when Git has it.</p>
        </Empty>
      ) : live.error ? (
        <Failure error={live.error} doing="load the live object" onRetry={() => void live.refetch()} />
      ) : (
        <Waiting>Loading the live object</Waiting>
      )}
    </>
  );
}

function Choice({ on, onClick, disabled, children }: { on: boolean; onClick: () => void; disabled?: boolean; children: ReactNode }) {
  return (
    <button type="button" aria-pressed={on} onClick={onClick} disabled={disabled && !on}>
      {children}
    </button>
  );
}
