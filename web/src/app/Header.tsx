import { Radio, RefreshCwOff } from "lucide-react";
import type { StreamState } from "../stream";
import type { Application, ApplicationTree, AppName } from "../types";
import { Copy } from "../ui/Copy";
import { HealthMark, PhaseMark, SyncMark } from "../ui/Status";
import { useShow } from "./ApplicationPage";
import { Actions } from "./header/Actions";
import { Facts } from "./header/Facts";
import { Headline } from "./header/Headline";
import { Notice } from "./header/Notice";
import styles from "./Header.module.css";

/** What is true of the application, in words, and what can be done with it. */
export function Header({ app, record, tree, state }: { app: AppName; record: Application; tree?: ApplicationTree; state: StreamState }) {
  const show = useShow();
  const status = record.status;
  const phase = status?.operationState?.phase;
  return (
    <header className={styles.header}>
      <div className={styles.name}>
        <h1>{app.name}</h1>
        <Copy text={app.name} label="Copy the name" />
      </div>
      <div className={styles.marks}>
        <SyncMark of={status?.sync?.status} title={syncWords(record)} />
        <HealthMark of={status?.health?.status} title={status?.health?.message} />
        {phase && phase !== "Succeeded" && (
          <button type="button" className={styles.phase} onClick={() => show({ panel: "operation", tab: undefined })}>
            <PhaseMark of={phase} title={status?.operationState?.message} />
          </button>
        )}
        <Live state={state} />
      </div>
      <Actions app={app} record={record} />
      <Notice record={record} />
      <Headline app={app} record={record} tree={tree} />
      <Facts app={app} record={record} />
    </header>
  );
}

function syncWords(record: Application): string | undefined {
  const differ = (record.status?.resources ?? []).filter((r) => r.status === "OutOfSync").length;
  return differ ? `${differ} ${differ === 1 ? "object differs" : "objects differ"} from Git` : undefined;
}

/** Whether what is shown is what is. */
function Live({ state }: { state: StreamState }) {
  const live = state === "live";
  return (
    <span className={`${styles.live} ${live ? "" : styles.lost}`} role="status" title={live ? "Changes appear by themselves" : "The connection is being made; what is shown may be old"}>
      {live ? <Radio aria-hidden /> : <RefreshCwOff aria-hidden />}
      {live ? "live" : state === "connecting" ? "connecting" : "reconnecting"}
    </span>
  );
}
