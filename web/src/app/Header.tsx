import { History, ListTree, RefreshCw, Upload } from "lucide-react";
import { useMutation } from "@tanstack/react-query";
import { get, path } from "../api";
import type { StreamState } from "../stream";
import type { Application, ApplicationTree, AppName } from "../types";
import { Button } from "../ui/Button";
import { HealthMark, PhaseMark, SyncMark } from "../ui/Status";
import { sayFailure } from "../ui/Toast";
import { of } from "./data";
import { useShow } from "./ApplicationPage";
import styles from "./Header.module.css";

/** What is true of the application, in words, and what can be done with it. */
export function Header({ app, record }: { app: AppName; record: Application; tree?: ApplicationTree; state: StreamState }) {
  const show = useShow();
  const refresh = useMutation({
    mutationFn: () => get(path`/api/v1/applications/${app.name}`, { ...of(app), refresh: "normal" }),
    onError: (e) => sayFailure("refresh", e),
  });
  return (
    <header className={styles.header}>
      <h1>{app.name}</h1>
      <SyncMark of={record.status?.sync?.status} />
      <HealthMark of={record.status?.health?.status} title={record.status?.health?.message} />
      <PhaseMark of={record.status?.operationState?.phase} />
      <div className={styles.actions}>
        <Button look="primary" icon={<Upload />} onClick={() => show({ panel: "sync" })}>Sync</Button>
        <Button icon={<RefreshCw />} busy={refresh.isPending && "Refreshing…"} onClick={() => refresh.mutate()}>Refresh</Button>
        <Button icon={<History />} onClick={() => show({ panel: "history" })}>History</Button>
        <Button icon={<ListTree />} onClick={() => show({ panel: "events" })}>Events</Button>
      </div>
    </header>
  );
}
