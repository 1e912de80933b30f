import { Trash2 } from "lucide-react";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { path, send } from "../../api";
import { useMay, useSettings } from "../../session";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { Failure } from "../../ui/Say";
import { say } from "../../ui/Toast";
import type { PanelProps } from "../AppPanel";
import { of, policyObject } from "../data";
import styles from "./DeletePanel.module.css";
import { goingOf, request, ways, type Going, type Way } from "./plan";

/** Asks how the application is to be deleted, says what goes with it, and wants its name before it does. */
export function DeletePanel({ app, record, tree, onClose }: PanelProps) {
  const navigate = useNavigate();
  const may = useMay("applications", "delete", policyObject(record, useSettings()?.controllerNamespace));
  const [way, setWay] = useState<Way>("foreground");
  const [name, setName] = useState("");
  const going = goingOf(record, tree);
  const already = !!record.metadata?.deletionTimestamp;
  const remove = useMutation({
    mutationFn: () => send("DELETE", path`/api/v1/applications/${app.name}`, undefined, { ...of(app), ...request(way) }),
    onSuccess: () => {
      say(way === "leave" ? `${app.name} is deleted; its objects stay` : `${app.name} is being deleted`);
      if (way === "leave") void navigate({ to: "/applications" });
      else onClose();
    },
  });
  const ready = may && name === app.name && !already;
  return (
    <Dialog
      title={`Delete ${app.name}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" icon={<Trash2 />} disabled={!ready} busy={remove.isPending && "Deleting…"} onClick={() => remove.mutate()}>
            {way === "leave" ? "Delete the application only" : `Delete it and ${objects(going.total)}`}
          </Button>
        </>
      }
    >
      <form
        className={styles.delete}
        onSubmit={(e) => {
          e.preventDefault();
          if (ready && !remove.isPending) remove.mutate();
        }}
      >
        {already && <p className={styles.note}>It is being deleted already.</p>}
        {may === false && <p className={styles.note}>You may not delete this application. Ask whoever looks after the policy (argocd-rbac-cm).</p>}
        <fieldset className={styles.ways}>
          <legend>What becomes of its objects?</legend>
          {ways.map((w) => (
            <label key={w} className={`${styles.way} ${w === way ? styles.chosen : ""}`}>
              <input type="radio" name="way" value={w} checked={w === way} onChange={() => setWay(w)} />
              <span>
                <strong>{words[w].title}</strong>
                <br />
                <span className={styles.dim}>{words[w].text}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <Goes going={going} way={way} />
        <TextField label={<>Type <code>{app.name}</code> to confirm</>} autoComplete="off" spellCheck={false} value={name} onChange={(e) => setName(e.target.value)} />
        {remove.isError && <Failure error={remove.error} doing={`delete ${app.name}`} />}
      </form>
    </Dialog>
  );
}

const words: Record<Way, { title: string; text: string }> = {
  foreground: { title: "Delete them, and wait (foreground)", text: "Each object goes after what it owns: pods before their Deployment. The application is there until all is gone, and shows what is left." },
  background: { title: "Delete them in the background", text: "The objects go first, and Kubernetes deletes what they own afterwards. Faster, and the last pods may outlive the application a little." },
  leave: { title: "Leave them (non-cascading)", text: "Only the application goes. Its objects keep running, and nobody looks after them any more." },
};

const objects = (n: number) => (n === 1 ? "its one object" : `its ${n} objects`);

function Goes({ going, way }: { going: Going; way: Way }) {
  if (going.total === 0) return <p className={styles.note}>It has no objects in the cluster.</p>;
  const list = going.own.map((k) => `${k.count} ${k.kind}${k.count === 1 ? "" : "s"}`).join(", ");
  if (way === "leave") return <p className={styles.note}>These stay: {list}.</p>;
  return (
    <div className={`${styles.note} ${styles.danger}`} role="note">
      <p>
        <strong>{going.total === 1 ? "One object is deleted" : `${going.total} objects are deleted`}</strong>
        {going.owned > 0 && `, and ${going.owned} that they own`}: {list}.
      </p>
      {going.applications.length > 0 && (
        <p>
          Among them {going.applications.length === 1 ? "is an application" : "are applications"}, whose objects go as well where their finalizer says so: {going.applications.slice(0, 10).join(", ")}
          {going.applications.length > 10 && ` and ${going.applications.length - 10} more`}.
        </p>
      )}
      <p>Objects that say Delete=false, and those that were never marked as this application's, stay.</p>
    </div>
  );
}
