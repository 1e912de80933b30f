import { GitBranch, ShieldCheck, Undo2 } from "lucide-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { path, send } from "../../api";
import { useSettings } from "../../session";
import type { Application, AppName } from "../../types";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Dialog } from "../../ui/Dialog";
import { Checkbox } from "../../ui/Field";
import { Failure } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { say } from "../../ui/Toast";
import { useShow } from "../ApplicationPage";
import { learn, of, policyObject, short } from "../data";
import { automation } from "../header/policy";
import { Rendered } from "./Compare";
import compareStyles from "./Compare.module.css";
import { useCommits } from "./data";
import styles from "./HistoryPanel.module.css";
import { revertCommands, type Entry } from "./history";
import { useMayRollback } from "./HistoryPanel";

/** The two ways back to an earlier deployment: Hawser holds the application there, or Git says so. And what would change. */
export function Rollback({ app, record, to, back, onClose }: { app: AppName; record: Application; to: Entry; back: ReactNode; onClose: () => void }) {
  const show = useShow();
  const queries = useQueryClient();
  const may = useMayRollback(policyObject(record, useSettings()?.controllerNamespace));
  const automated = automation(record);
  const [prune, setPrune] = useState(!!automated?.prune);
  const busy = !!record.operation;
  const roll = useMutation({
    mutationFn: () => send<Application>("POST", path`/api/v1/applications/${app.name}/rollback`, { name: app.name, ...of(app), id: to.id, prune }),
    onSuccess: (changed) => {
      learn(queries, app, changed);
      say(`Rolling back to #${to.id}`);
      show({ panel: "operation", tab: undefined });
    },
  });
  const now = record.status?.sync?.revisions?.length ? record.status.sync.revisions : [record.status?.sync?.revision ?? ""];
  const target = short(to.revisions[0]);
  return (
    <Dialog
      title={`Roll ${app.name} back to #${to.id}`}
      place="side"
      width="wide"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" icon={<Undo2 />} disabled={!may || busy} title={busy ? "A sync runs: wait for it, or stop it first" : may ? undefined : "You may not sync this application"} busy={roll.isPending && "Asking…"} onClick={() => roll.mutate()}>
            Roll back to #{to.id}
          </Button>
        </>
      }
    >
      {back}
      {roll.isError && <Failure error={roll.error} doing={`roll back to #${to.id}`} />}
      <div className={compareStyles.compare}>
        <p>
          Deployment #{to.id} of <Time at={to.ended} /> by {to.by}, at <code title={to.revisions.join(", ")}>{target}</code>.
        </p>
        <section className={styles.way}>
          <h3>
            <ShieldCheck aria-hidden /> With Hawser: at once, and held
          </h3>
          {automated ? (
            <p>
              Automatic sync stays on and follows <code>{target}</code> instead of <code>{short(now[0])}</code>: that is compared, and drift from it is healed. This is a <strong>hold</strong>. It ends by itself with the next commit on the branch, so the
              fix is deployed when it is pushed; until then the bad commit is not deployed again. You can lift it at any time here, or by a sync to the branch.
            </p>
          ) : (
            <p>
              Automatic sync is off, so nothing will undo it: the application stays at <code>{target}</code>, and is shown as OutOfSync until somebody syncs it to its branch.
            </p>
          )}
          <Checkbox label="Delete what that deployment did not have (prune)" hint="Otherwise it stays, and is shown as OutOfSync." checked={prune} onChange={(e) => setPrune(e.target.checked)} />
        </section>
        <InGit app={app} record={record} to={to} />
        <section>
          <h2>What would change</h2>
          <Rendered app={app} before={now} after={to.revisions} beforeTitle={`Now, ${short(now[0])}`} afterTitle={`#${to.id}, ${target}`} nothing="Nothing: both render to the same objects. Whatever is wrong came from somewhere else than these commits." />
        </section>
      </div>
    </Dialog>
  );
}

/** The same by git: the branch then says what runs. */
function InGit({ app, record, to }: { app: AppName; record: Application; to: Entry }) {
  const source = record.spec?.sources?.[0] ?? record.spec?.source;
  const commits = useCommits(app, to.revisions[0], undefined, 0, 21);
  if (source?.chart || !commits.data) return null;
  const commands = revertCommands(commits.data.items ?? [], !!commits.data.more, source?.targetRevision && source.targetRevision !== "HEAD" ? source.targetRevision : "main", to.revisions[0]!);
  return (
    <section className={styles.way}>
      <h3>
        <GitBranch aria-hidden /> Or with Git: the branch says so, too
      </h3>
      {commands ? (
        <>
          <p>
            {commits.data.items?.length === 1 ? "This undoes the commit since then that changed this application, and whatever else it changed." : "This undoes, newest first, the commits since then that changed this application, and whatever else they changed."}
          </p>
          <div className={styles.commands}>
            <pre tabIndex={0} aria-label="Commands">{commands}</pre>
            <Copy text={commands} label="Copy the commands" />
          </div>
        </>
      ) : (
        <p>No commit on the branch since then changed this application: there is nothing to revert.</p>
      )}
    </section>
  );
}
