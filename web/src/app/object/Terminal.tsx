import { useSearch } from "@tanstack/react-router";
import { TerminalSquare } from "lucide-react";
import { lazy, Suspense } from "react";
import { ApiError } from "../../api";
import { readChosen, writeChosen } from "../../logs/chosen";
import { useMay, useSettings } from "../../session";
import styles from "../../terminal/Terminal.module.css";
import type { Application, AppName, ObjectKey } from "../../types";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { useShow } from "../ApplicationPage";
import { of, policyObject } from "../data";
import type { AppSearch } from "../search";
import { useContainers } from "./containers";

const Screen = lazy(() => import("../../terminal/Screen").then((m) => ({ default: m.Screen })));

interface Props {
  app: AppName;
  record: Application;
  node: ObjectKey;
}

/** A shell in a container of a pod. */
export function Terminal({ app, record, node }: Props) {
  const settings = useSettings();
  const may = useMay("exec", "create", settings?.execEnabled ? policyObject(record, settings.controllerNamespace) : undefined);
  if (!settings) return <Waiting>Looking whether terminals are on</Waiting>;
  if (!settings.execEnabled) {
    return (
      <Empty title="Terminals are off" icon={<TerminalSquare />}>
        <p>
          Whoever looks after Hawser can switch them on: <code>exec.enabled: "true"</code> in the ConfigMap argocd-cm, and a role that allows <code>exec, create</code>.
        </p>
      </Empty>
    );
  }
  if (node.kind !== "Pod" || node.group) {
    return (
      <Empty title="A terminal opens in a pod" icon={<TerminalSquare />}>
        <p>This is a {node.kind}. Choose one of its pods in the topology.</p>
      </Empty>
    );
  }
  if (may === undefined) return <Waiting>Looking whether you may open a terminal</Waiting>;
  if (!may) return <Failure error={new ApiError(403, "Your roles do not allow exec, create on this application.")} doing="open a terminal here" />;
  return <TerminalIn app={app} record={record} node={node} />;
}

function TerminalIn({ app, record, node }: Props) {
  const { log } = useSearch({ strict: false }) as AppSearch;
  const show = useShow();
  const chosen = readChosen(log);
  const containers = useContainers(app, node);
  if (containers.isPending) return <Waiting>Looking at the containers of {node.name}</Waiting>;
  if (containers.isError) return <Failure error={containers.error} doing={`look at pod ${node.name}`} onRetry={() => containers.refetch()} />;
  const { all, usual } = containers.data;
  const container = all.some((c) => c.name === chosen.container) ? chosen.container : usual;
  const at = all.find((c) => c.name === container);
  return (
    <div className={styles.terminal}>
      <div className={styles.bar}>
        <label>
          Container
          <select value={container} onChange={(e) => show({ log: writeChosen({ ...chosen, container: e.target.value }) }, true)}>
            {all.map((c) => (
              <option key={c.name} value={c.name}>
                {c.name}
                {!c.running && ` (${c.reason ?? "not running"})`}
              </option>
            ))}
          </select>
        </label>
        <span>What is typed here is done in the cluster at once. That a terminal was opened is recorded.</span>
      </div>
      {at?.running ? (
        <Suspense fallback={<Waiting>Loading the terminal</Waiting>}>
          <Screen
            key={`${node.namespace}/${node.name}/${container}`}
            where={`container ${container}`}
            query={{ pod: node.name, container, namespace: node.namespace, appName: app.name, appNamespace: of(app).appNamespace, projectName: record.spec?.project || "default" }}
          />
        </Suspense>
      ) : (
        <Empty title={`Container ${container ?? ""} does not run`} icon={<TerminalSquare />}>
          <p>A shell needs a container that runs. {at?.reason ? `This one is ${at.starter && at.reason === "Completed" ? "done: it only starts the pod" : at.reason}.` : ""} The log may say more.</p>
        </Empty>
      )}
    </div>
  );
}
