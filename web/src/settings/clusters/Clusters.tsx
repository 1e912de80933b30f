import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import type { Cluster as Record } from "../../types";
import { useMay } from "../../session";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Dialog } from "../../ui/Dialog";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Boxes } from "lucide-react";
import { clustersQuery } from "../data";
import { Find, found, Note, Screen, Table, useSettingsSearch, useShow } from "../kit";
import kit from "../kit.module.css";
import type { PlaceProps } from "../Settings";
import { Connection } from "../repos/Repositories";
import { Cluster } from "./Cluster";

export function Clusters({ place, item }: PlaceProps) {
  return item === undefined ? <All place={place} /> : <Cluster place={place} server={item} />;
}

export const nameOf = (c: Record) => c.name || c.server || "";

/** All clusters that applications can be deployed to. */
function All({ place }: PlaceProps) {
  const list = useQuery({ ...clustersQuery, refetchInterval: 15_000 });
  const { form, find } = useSettingsSearch();
  const show = useShow();
  const mayCreate = useMay("clusters", "create", "*");
  const rows = list.data?.filter((c) => found(find, c.name, c.server, c.project, ...Object.entries(c.labels ?? {}).flat()));
  const add = (
    <Button icon={<Plus />} onClick={() => show({ form: "how" })}>
      {mayCreate ? "Add cluster" : "How to add a cluster"}
    </Button>
  );
  return (
    <Screen place={place} actions={add}>
      {list.isPending && <Waiting>Loading the clusters</Waiting>}
      {list.isError && <Failure error={list.error} doing="see the clusters" onRetry={() => list.refetch()} />}
      {list.data?.length === 0 && (
        <Empty title="You see no cluster" icon={<Boxes />}>
          <p>The cluster that Hawser itself runs in is there from the beginning, unless it was disabled; others are added by a command.</p>
          {add}
        </Empty>
      )}
      {!!list.data?.length && (
        <>
          <Find what="a cluster" />
          <Table
            label={place.title}
            rows={rows!}
            id={(c) => c.server ?? ""}
            columns={[
              {
                head: "Cluster",
                wide: true,
                cell: (c) => (
                  <>
                    <Link to="/settings/$section/$item" params={{ section: "clusters", item: c.server ?? "" }}>
                      {nameOf(c)}
                    </Link>
                    {c.name && <div className={kit.note}>{c.server}</div>}
                  </>
                ),
              },
              { head: "Connection", cell: (c) => <Connection state={c.connectionState} what="cluster" /> },
              { head: "Version", cell: (c) => c.serverVersion },
              { head: "Applications", number: true, cell: (c) => c.info?.applicationsCount ?? 0 },
              { head: "Objects watched", number: true, cell: (c) => c.info?.cacheInfo?.resourcesCount?.toLocaleString() },
              { head: "Project", cell: (c) => c.project || <span className={kit.none}>all</span> },
            ]}
          />
          {rows!.length === 0 && <Note>No cluster has these words.</Note>}
        </>
      )}
      {form === "how" && <HowToAdd onClose={() => show({ form: undefined })} />}
    </Screen>
  );
}

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: cluster-prod-eu
  namespace: argocd
  labels: {argocd.argoproj.io/secret-type: cluster}
stringData:
  name: prod-eu
  server: https://prod-eu.example.com:6443
  config: |
    {"bearerToken": "…",
     "tlsClientConfig": {"caData": "…"}}`;

function HowToAdd({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Add a cluster" onClose={onClose} width="wide" actions={<Button look="primary" onClick={onClose}>Close</Button>}>
      <div className={kit.form}>
        <div>
          <h3>By a command</h3>
          <p className={kit.about}>From a machine whose kubeconfig reaches the cluster: it makes an account for Hawser there, and gives the server a token of that account. Your own certificate and key stay with you.</p>
        </div>
        <Code text="hawser cluster add CONTEXT" label="Copy the command" />
        <p className={kit.about}>
          <code>kubectl config get-contexts</code> lists the contexts. With <code>--namespace shop</code>, Hawser gets rights in that namespace only.
        </p>
        <div>
          <h3>Or as a Secret, from Git</h3>
          <p className={kit.about}>In the namespace in which Hawser has its records. It is seen within seconds.</p>
        </div>
        <Code text={secret} label="Copy the Secret" />
      </div>
    </Dialog>
  );
}

function Code({ text, label }: { text: string; label: string }) {
  return (
    <div className={kit.secret}>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <Copy text={text} label={label} />
    </div>
  );
}
