import { useQueries } from "@tanstack/react-query";
import { ChevronDown, Copy, Link2, Play, Terminal, Trash2, Upload } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { mayQuery, useMay, useSettings } from "../../session";
import type { Application, AppName, ResourceAction } from "../../types";
import { Button } from "../../ui/Button";
import { copy } from "../../ui/clipboard";
import { Menu, type Choice } from "../../ui/Menu";
import { policyObject } from "../data";
import { useActions } from "./data";
import { kubectl, type Facts } from "./facts";
import { title } from "./words";
import styles from "./Actions.module.css";

const dialogs = () => import("./ActionDialogs");
const RunAction = lazy(() => dialogs().then((m) => ({ default: m.RunAction })));
const DeleteObject = lazy(() => dialogs().then((m) => ({ default: m.DeleteObject })));
const SyncObject = lazy(() => dialogs().then((m) => ({ default: m.SyncObject })));

interface Props {
  app: AppName;
  record: Application;
  facts: Facts;
}

type Open = { what: "delete" | "sync" } | { what: "action"; action: ResourceAction };

/** What can be done with the object. What the reader may not do says so. */
export function Actions({ app, record, facts }: Props) {
  const { key, version, status, missing } = facts;
  const [open, setOpen] = useState<Open>();
  const object = policyObject(record, useSettings()?.controllerNamespace);
  const actions = useActions(app, facts).filter((a) => !a.disabled && a.name);
  const mayRun = useQueries({ queries: actions.map((a) => mayQuery("applications", `action/${key.group}/${key.kind}/${a.name}`, object)) });
  const mayDelete = useMay("applications", `delete/${key.group}/${key.kind}/${key.namespace}/${key.name}`, object);
  const maySync = useMay("applications", "sync", object);
  const close = () => setOpen(undefined);

  const notYours = "Your role does not permit it";
  const choices: (Choice | "line" | false)[] = [
    ...actions.map((action, i): Choice => ({ label: title(action.name!, action.displayName) + (action.params?.length ? "…" : ""), icon: <Play />, disabled: !mayRun[i]?.data && notYours, onSelect: () => setOpen({ what: "action", action }) })),
    actions.length > 0 && "line",
    { label: "Copy link", icon: <Link2 />, onSelect: () => copy(window.location.href, "the link") },
    { label: "Copy kubectl get", icon: <Terminal />, onSelect: () => copy(kubectl("get", key, version), "the command") },
    { label: "Copy kubectl describe", icon: <Terminal />, onSelect: () => copy(kubectl("describe", key, version), "the command") },
    { label: "Copy name", icon: <Copy />, onSelect: () => copy(key.name, "the name") },
    !facts.itself && !missing && "line",
    !facts.itself && !missing && { label: "Delete…", icon: <Trash2 />, danger: true, disabled: (facts.orphan && "It does not belong to the application") || (!mayDelete && notYours), onSelect: () => setOpen({ what: "delete" }) },
  ];

  return (
    <span className={styles.actions}>
      {status && !status.hook && (
        <Button small icon={<Upload />} disabled={!maySync} title={maySync === false ? notYours : undefined} onClick={() => setOpen({ what: "sync" })}>
          Sync only this
        </Button>
      )}
      <Menu
        trigger={
          <Button small>
            Actions <ChevronDown />
          </Button>
        }
        choices={choices}
      />
      <Suspense fallback={null}>
        {open?.what === "action" && <RunAction app={app} record={record} facts={facts} action={open.action} onClose={close} />}
        {open?.what === "delete" && <DeleteObject app={app} record={record} facts={facts} onClose={close} />}
        {open?.what === "sync" && <SyncObject app={app} record={record} facts={facts} onClose={close} />}
      </Suspense>
    </span>
  );
}
