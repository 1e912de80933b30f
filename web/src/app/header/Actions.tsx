// What can be done with an application. What the reader may not do is not offered.
import { ChevronDown, CircleStop, CloudDownload, CopyPlus, Diff, Ellipsis, FileText, History, ListTree, Pencil, Play, RefreshCw, Repeat, Trash2, Upload } from "lucide-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { get, path, send } from "../../api";
import { useMay, useSettings } from "../../session";
import type { Application, AppName } from "../../types";
import { Button, IconButton } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Menu } from "../../ui/Menu";
import { Failure } from "../../ui/Say";
import { say, sayFailure } from "../../ui/Toast";
import { useShow } from "../ApplicationPage";
import { appKey, learn, of, policyObject } from "../data";
import type { Panel } from "../search";
import styles from "./Actions.module.css";
import { automation, togglePatch } from "./policy";

export function Actions({ app, record }: { app: AppName; record: Application }) {
  const show = useShow();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const object = policyObject(record, useSettings()?.controllerNamespace);
  const maySync = useMay("applications", "sync", object);
  const mayUpdate = useMay("applications", "update", object);
  const mayDelete = useMay("applications", "delete", object);
  const [toggling, setToggling] = useState(false);

  const refresh = useMutation({
    mutationFn: (kind: "normal" | "hard") => get<Application>(path`/api/v1/applications/${app.name}`, { ...of(app), refresh: kind }),
    onSuccess: (record, kind) => {
      learn(queries, app, record);
      void queries.invalidateQueries({ queryKey: [...appKey(app), "why"] });
      say(kind === "hard" ? "Rendered and compared anew, without any cache" : "Compared with the newest commit");
    },
    onError: (e) => sayFailure("refresh", e),
  });
  const terminate = useMutation({
    mutationFn: () => send("DELETE", path`/api/v1/applications/${app.name}/operation`, undefined, of(app)),
    onSuccess: () => say("The sync is being stopped"),
    onError: (e) => sayFailure("stop the sync", e),
  });

  const deleting = !!record.metadata?.deletionTimestamp;
  const phase = record.status?.operationState?.phase;
  const running = !!record.operation || phase === "Running" || phase === "Terminating";
  const open = (panel: Panel) => show({ panel, tab: undefined });

  // The rest, in a menu. On a small screen it holds what has no room beside it as well.
  const menu = (more: boolean) => (
    <Menu
      trigger={
        <IconButton label="More actions">
          <Ellipsis />
        </IconButton>
      }
      choices={[
        more && { label: "Diff", icon: <Diff />, onSelect: () => open("diff") },
        more && { label: "History and rollback", icon: <History />, onSelect: () => open("history") },
        more && { label: "Events", icon: <ListTree />, onSelect: () => open("events") },
        more && "line",
        { label: "Details and manifest", icon: <FileText />, onSelect: () => open("details") },
        !running && !!record.status?.operationState && { label: "Last sync", icon: <Play />, onSelect: () => open("operation") },
        mayUpdate && { label: "Edit", icon: <Pencil />, onSelect: () => open("edit") },
        { label: "New application like this", icon: <CopyPlus />, onSelect: () => void navigate({ to: "/new", search: { from: `${app.namespace}/${app.name}` } }) },
        mayUpdate && { label: automation(record) ? "Switch automatic sync off…" : "Switch automatic sync on…", icon: <Repeat />, onSelect: () => setToggling(true) },
        mayDelete && "line",
        mayDelete && { label: "Delete…", icon: <Trash2 />, danger: true, onSelect: () => open("delete"), disabled: deleting ? "It is being deleted" : false },
      ]}
    />
  );
  return (
    <div className={styles.actions} role="group" aria-label="Actions">
      {running ? (
        <>
          <Button look="primary" icon={<Play />} onClick={() => open("operation")}>
            Follow the sync
          </Button>
          {maySync && (
            <Button look="danger" icon={<CircleStop />} busy={(terminate.isPending || phase === "Terminating") && "Stopping…"} onClick={() => terminate.mutate()}>
              Terminate
            </Button>
          )}
        </>
      ) : (
        maySync && (
          <Button look="primary" icon={<Upload />} disabled={deleting} title={deleting ? "It is being deleted" : undefined} onClick={() => open("sync")}>
            Sync
          </Button>
        )
      )}
      <span className={styles.pair}>
        <Button icon={<RefreshCw className={refresh.isPending ? styles.turns : undefined} />} disabled={refresh.isPending} aria-busy={refresh.isPending} aria-label="Refresh" onClick={() => refresh.mutate("normal")}>
          <span className={styles.word}>{refresh.isPending ? "Refreshing…" : "Refresh"}</span>
        </Button>
        <Menu
          trigger={
            <IconButton label="More ways to refresh" disabled={refresh.isPending}>
              <ChevronDown />
            </IconButton>
          }
          choices={[
            { label: "Refresh: look at Git and the cluster now", icon: <RefreshCw />, onSelect: () => refresh.mutate("normal") },
            { label: "Hard refresh: render again without the cache", icon: <CloudDownload />, onSelect: () => refresh.mutate("hard") },
          ]}
        />
      </span>
      <span className={styles.wide}>
        <Button icon={<Diff />} onClick={() => open("diff")}>
          Diff
        </Button>
        <Button icon={<History />} onClick={() => open("history")}>
          History
        </Button>
        <Button icon={<ListTree />} onClick={() => open("events")}>
          Events
        </Button>
      </span>
      <span className={styles.narrow}>
        {menu(true)}
      </span>
      <span className={styles.wide}>
        {menu(false)}
      </span>
      {toggling && <Toggle app={app} record={record} onClose={() => setToggling(false)} />}
    </div>
  );
}

/** Says what will be different before it is. */
function Toggle({ app, record, onClose }: { app: AppName; record: Application; onClose: () => void }) {
  const queries = useQueryClient();
  const on = !!automation(record);
  const set = record.spec?.syncPolicy?.automated;
  const patch = useMutation({
    mutationFn: () => send<Application>("PATCH", path`/api/v1/applications/${app.name}`, { name: app.name, ...of(app), patch: togglePatch(record), patchType: "merge" }),
    onSuccess: (changed) => {
      learn(queries, app, changed);
      say(on ? "Automatic sync is off" : "Automatic sync is on");
      onClose();
    },
  });
  return (
    <Dialog
      title={on ? "Switch automatic sync off" : "Switch automatic sync on"}
      width="narrow"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" busy={patch.isPending && "Saving…"} onClick={() => patch.mutate()}>
            {on ? "Switch it off" : "Switch it on"}
          </Button>
        </>
      }
    >
      {patch.isError && <Failure error={patch.error} doing="change the sync policy" />}
      <div className={styles.say}>
        {on ? (
          <>
            <p>New commits are shown and no longer applied, and what is changed in the cluster is no longer changed back, until somebody syncs or switches it on again.</p>
            <p>Hawser remembers prune and self-heal for then.</p>
            <p>To go back to an earlier deployment you need not switch it off: a rollback holds the application there by itself (see History).</p>
          </>
        ) : (
          <>
            <p>The newest commit is applied at once if something differs, and every commit after it.</p>
            <p>{set?.prune ? "What Git no longer has is deleted (prune)." : "What Git no longer has stays (no prune)."} {set?.selfHeal ? "What is changed in the cluster is changed back (self-heal)." : "What is changed in the cluster stays until the next commit (no self-heal)."}</p>
          </>
        )}
        <p className={styles.dim}>If this application is written in Git itself, change it there: its parent will set it back.</p>
      </div>
    </Dialog>
  );
}
