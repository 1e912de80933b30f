import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Ellipsis, KeyRound, Pencil, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { path, send } from "../../api";
import { useMay } from "../../session";
import type { Cluster as Record } from "../../types";
import { Button, IconButton } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { TextField } from "../../ui/Field";
import { Menu } from "../../ui/Menu";
import { Failure, Waiting } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { say, sayFailure } from "../../ui/Toast";
import { changed, clusterQuery } from "../data";
import { Confirm, Facts, FormDialog, Note, Part, Rows, Screen, Tags, Texts, useSettingsSearch, useShow } from "../kit";
import { places, type Place } from "../places";
import { Connection } from "../repos/Repositories";
import { counted } from "../glance";
import { connection, scoped } from "../repos/repository";
import { nameOf } from "./Clusters";

/** One cluster: whether it answers, what is known of it, and what can be done with its record. */
export function Cluster({ place, server }: { place: Place; server: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const cluster = useQuery(clusterQuery(server));
  const { form } = useSettingsSearch();
  const show = useShow();
  const c = cluster.data;
  const object = c && scoped(c.project, server);
  const mayUpdate = useMay("clusters", "update", object);
  const mayDelete = useMay("clusters", "delete", object);
  const close = () => show({ form: undefined });

  if (cluster.isPending) return <Screen place={place} item={server} about=""><Waiting>Loading the cluster</Waiting></Screen>;
  if (cluster.isError) {
    return (
      <Screen place={place} item={server} about="">
        <Failure error={cluster.error} doing="see this cluster" onRetry={() => cluster.refetch()} />
        <Note>It may also be that there is no such cluster: who may not see a cluster is not told which.</Note>
      </Screen>
    );
  }
  const state = connection(c!.connectionState, "cluster");
  const inCluster = server.replace(/\/$/, "") === "https://kubernetes.default.svc";
  const invalidate = async () => {
    try {
      await send("POST", path`/api/v1/clusters/${server}/invalidate-cache`);
      await changed(queries, "clusters");
      say(`All that is known of ${nameOf(c!)} is read anew.`);
    } catch (e) {
      sayFailure("read the cluster anew", e);
    }
  };
  return (
    <Screen
      place={place}
      item={nameOf(c!)}
      about={inCluster ? "The cluster that Hawser itself runs in." : server}
      actions={
        mayUpdate || mayDelete ? (
          <>
            <Menu
              trigger={
                <IconButton label="More to do with this cluster">
                  <Ellipsis />
                </IconButton>
              }
              choices={[
                mayUpdate && { label: "Read everything anew", icon: <RefreshCw />, onSelect: () => void invalidate() },
                mayUpdate && { label: "Rotate credentials", icon: <KeyRound />, onSelect: () => show({ form: "rotate" }), disabled: inCluster && "Its credentials are those of Hawser's own pod" },
                mayDelete && "line",
                mayDelete && { label: "Remove", icon: <Trash2 />, danger: true, onSelect: () => show({ form: "remove" }) },
              ]}
            />
            {mayUpdate && <Button look="primary" icon={<Pencil />} onClick={() => show({ form: "edit" })}>Edit</Button>}
          </>
        ) : undefined
      }
    >
      {mayUpdate === false && <Note>You can look at this cluster, but not change it.</Note>}
      {state.why && c!.connectionState?.status === "Failed" && <Failure error={`${state.why}\n\nApplications on it are shown as they were last seen. Hawser goes on trying by itself.`} doing={`reach ${nameOf(c!)}`} />}
      <Part title="Connection">
        <Facts
          of={[
            ["State", <Connection state={c!.connectionState} what="cluster" />],
            ["Address", <><code>{server}</code> <Copy text={server} label="Copy the address" /></>],
            ["Kubernetes", c!.serverVersion],
            ["Certificate", c!.config?.tlsClientConfig?.insecure && "Not checked: whoever stands between can read the credentials"],
            ["Proxy", c!.config?.proxyUrl],
          ]}
        />
      </Part>
      <Part title="What is known">
        <Facts
          of={[
            ["Applications", <Link to="/applications" search={{ cluster: [nameOf(c!)] }}>{counted(c!.info?.applicationsCount ?? 0, "application")}</Link>],
            ["Objects watched", c!.info?.cacheInfo?.resourcesCount?.toLocaleString()],
            ["Kinds watched", c!.info?.cacheInfo?.apisCount ? String(c!.info.cacheInfo.apisCount) : undefined],
            ["Known whole", c!.info?.cacheInfo?.lastCacheSyncTime && <>since <Time at={c!.info.cacheInfo.lastCacheSyncTime} /></>],
            ["Read anew", c!.refreshRequestedAt && <>asked for <Time at={c!.refreshRequestedAt} /></>],
          ]}
        />
      </Part>
      <Part title="Record">
        <Facts
          of={[
            ["Name", c!.name],
            ["Project", c!.project || "all that permit it"],
            ["Namespaces", <Tags of={c!.namespaces} none="all" />],
            ["Objects of the cluster itself", c!.namespaces?.length ? (c!.clusterResources ? "managed as well" : "not managed") : undefined],
            ["Labels", <Tags of={Object.entries(c!.labels ?? {}).map(([k, v]) => `${k}=${v}`)} none="none" />],
            ["Annotations", <Tags of={Object.entries(c!.annotations ?? {}).map(([k, v]) => `${k}=${v}`)} none="none" />],
          ]}
        />
      </Part>
      {mayUpdate && form === "edit" && <ClusterForm of={c!} onClose={close} />}
      {mayUpdate && form === "rotate" && (
        <Confirm
          title="Rotate credentials"
          verb="Rotate credentials"
          verbing="Rotating…"
          doing="rotate the credentials"
          onClose={close}
          onConfirm={async () => {
            await send("POST", path`/api/v1/clusters/${server}/rotate-auth`);
            await changed(queries, "clusters");
            say(`${nameOf(c!)} is reached by a new token.`);
            close();
          }}
        >
          <p>The account by which Hawser reaches {nameOf(c!)} gets a new token; the old one ends when the new one is known to work. Nothing is interrupted.</p>
        </Confirm>
      )}
      {mayDelete && form === "remove" && (
        <Confirm
          title={`Remove cluster ${nameOf(c!)}`}
          verb="Remove cluster"
          verbing="Removing…"
          doing="remove the cluster"
          type={nameOf(c!)}
          onClose={close}
          onConfirm={async () => {
            await send("DELETE", path`/api/v1/clusters/${server}`);
            say(`${nameOf(c!)} is no longer known.`);
            await navigate({ to: "/settings/$section", params: { section: places[3].path } });
            await changed(queries, "clusters");
          }}
        >
          <p>
            Hawser forgets it with its credentials. What runs there goes on running; {c!.info?.applicationsCount ? `${c!.info.applicationsCount} applications that go there` : "applications that go there"} can no longer be
            compared or synced.
          </p>
        </Confirm>
      )}
    </Screen>
  );
}

interface Pair {
  key?: string;
  value?: string;
}
const pairs = (of: { [k: string]: string } | undefined): Pair[] => Object.entries(of ?? {}).map(([key, value]) => ({ key, value }));
const joined = (list: Pair[]) => Object.fromEntries(list.filter((p) => p.key).map((p) => [p.key!, p.value ?? ""]));

function ClusterForm({ of, onClose }: { of: Record; onClose: () => void }) {
  const queries = useQueryClient();
  const [name, setName] = useState(of.name ?? "");
  const [namespaces, setNamespaces] = useState(of.namespaces ?? []);
  const [labels, setLabels] = useState(pairs(of.labels));
  const columns = [
    { key: "key" as const, label: "Key", placeholder: "key" },
    { key: "value" as const, label: "Value", placeholder: "value" },
  ];
  const submit = async () => {
    // Named one by one, so that credentials, which are not shown, stay what they are.
    await send("PUT", path`/api/v1/clusters/${of.server ?? ""}`, { name, namespaces: namespaces.map((n) => n.trim()).filter(Boolean), labels: joined(labels) }, { updatedFields: ["name", "namespaces", "labels"] });
    await changed(queries, "clusters");
    say(`${name || of.server} was saved.`);
    onClose();
  };
  return (
    <FormDialog title={`Edit cluster ${nameOf(of)}`} onClose={onClose} onSubmit={submit} submit="Save cluster" submitting="Connecting…" doing="save the cluster">
      <TextField label="Name" hint="By which applications may name it. Those that do must follow a change." required value={name} onChange={(e) => setName(e.target.value)} />
      <Texts label="Namespaces" hint="None: Hawser looks after all of them." noun="namespace" value={namespaces} onChange={setNamespaces} />
      <Rows<Pair> label="Labels" hint="By which application sets choose clusters." noun="label" value={labels} onChange={setLabels} columns={columns} blank={{ key: "", value: "" }} />
    </FormDialog>
  );
}
