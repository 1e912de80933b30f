import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { path, send } from "../../api";
import type { AppProject, AppProjectSpec } from "../../types";
import { Checkbox, TextArea, TextField } from "../../ui/Field";
import { Tabs } from "../../ui/Tabs";
import { say } from "../../ui/Toast";
import { changed, clustersQuery, keysQuery, reposQuery } from "../data";
import { FormDialog, Rows, Texts } from "../kit";
import kit from "../kit.module.css";
import styles from "./Project.module.css";
import { editable, readProject, tidy, yamlOf } from "./projectYaml";

const fresh: AppProject = { metadata: { name: "" }, spec: { sourceRepos: [], destinations: [{ server: "https://kubernetes.default.svc", namespace: "" }] } };

/** Makes a project, or changes one: its common parts in a form, and all of it as YAML. Both are the same record. */
export function ProjectForm({ of, onClose }: { of?: AppProject; onClose: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [project, setProject] = useState<AppProject>(of ? editable(of) : fresh);
  const [text, setText] = useState<string>(); // set while the YAML is shown
  const read = text === undefined ? { project } : readProject(text);
  const current = read.project;
  const name = current?.metadata?.name ?? "";

  const submit = async () => {
    const wanted = tidy({ ...current!, metadata: { ...current!.metadata, name: of?.metadata?.name ?? name } });
    // The version that was looked at: who saves last must not undo what others did meanwhile.
    if (of) await send("PUT", path`/api/v1/projects/${of.metadata?.name ?? ""}`, { project: { ...wanted, metadata: { ...wanted.metadata, resourceVersion: of.metadata?.resourceVersion } } });
    else await send("POST", "/api/v1/projects", { project: wanted });
    await changed(queries, "projects");
    say(of ? `Project ${of.metadata?.name} was saved.` : `Project ${name} was created.`);
    if (of) onClose();
    else await navigate({ to: "/settings/$section/$item", params: { section: "projects", item: name } });
  };
  return (
    <FormDialog
      title={of ? `Edit project ${of.metadata?.name}` : "New project"}
      onClose={onClose}
      onSubmit={submit}
      submit={of ? "Save project" : "Create project"}
      submitting={of ? "Saving…" : "Creating…"}
      doing={of ? "save the project" : "create the project"}
      disabled={!current}
    >
      <Tabs
        label="How to edit"
        value={text === undefined ? "form" : "yaml"}
        onChange={(to) => {
          if (to === "yaml") setText(yamlOf(project));
          else if (current) {
            setProject(current);
            setText(undefined);
          }
        }}
        tabs={[
          { value: "form", label: "Form", content: <Fields fixed={!!of} project={project} onChange={setProject} /> },
          {
            value: "yaml",
            label: "YAML",
            content: (
              <TextArea
                className={styles.yaml}
                label="The whole project"
                hint="What the form does not show stands here as well: source namespaces, signatures by repository, labels."
                error={read.wrong && `Not a project yet: ${read.wrong}`}
                spellCheck={false}
                value={text ?? ""}
                onChange={(e) => setText(e.target.value)}
              />
            ),
          },
        ]}
      />
    </FormDialog>
  );
}

function Fields({ fixed, project, onChange }: { fixed: boolean; project: AppProject; onChange: (p: AppProject) => void }) {
  const repos = useQuery(reposQuery).data?.map((r) => r.repo ?? "") ?? [];
  const clusters = useQuery(clustersQuery).data ?? [];
  const keys = useQuery(keysQuery).data?.map((k) => k.keyID ?? "") ?? [];
  const spec = project.spec ?? {};
  const set = (change: Partial<AppProjectSpec>) => onChange({ ...project, spec: { ...spec, ...change } });
  const servers = ["*", ...clusters.map((c) => c.server ?? "")];
  const kinds = [
    { key: "group" as const, label: "Group", placeholder: "group: apps, * or empty" },
    { key: "kind" as const, label: "Kind", placeholder: "kind: Deployment or *" },
  ];
  const orphans = spec.orphanedResources;
  return (
    <div className={kit.form}>
      {!fixed && (
        <TextField
          label="Name"
          required
          pattern="[a-z0-9]([\-a-z0-9.]*[a-z0-9])?"
          title="Small letters, digits, dots and hyphens"
          hint="Small letters, digits and hyphens. It cannot be changed later."
          value={project.metadata?.name ?? ""}
          onChange={(e) => onChange({ ...project, metadata: { ...project.metadata, name: e.target.value } })}
        />
      )}
      <TextField label="Description" value={spec.description ?? ""} onChange={(e) => set({ description: e.target.value || undefined })} />
      <Texts label="From where" hint="Repositories; * stands for anything, and ! before one forbids it." noun="repository" placeholder="https://git.example.com/team/*" value={spec.sourceRepos ?? []} onChange={(sourceRepos) => set({ sourceRepos })} options={["*", ...repos]} />
      <Rows
        label="To where"
        hint="Cluster by its address, or by its name; * stands for anything."
        noun="destination"
        value={spec.destinations ?? []}
        onChange={(destinations) => set({ destinations })}
        columns={[
          { key: "server", label: "Cluster address", options: servers },
          { key: "name", label: "or cluster name", options: clusters.map((c) => c.name ?? "") },
          { key: "namespace", label: "Namespace" },
        ]}
        blank={{ server: "", namespace: "" }}
      />
      <Rows label="Objects of the cluster itself that are allowed" hint="None, where nothing stands here: a Namespace, a CustomResourceDefinition or a ClusterRole is refused." noun="kind" value={spec.clusterResourceWhitelist ?? []} onChange={(clusterResourceWhitelist) => set({ clusterResourceWhitelist })} columns={[...kinds, { key: "name" as const, label: "Name", placeholder: "name, or empty" }]} blank={{ group: "", kind: "" }} />
      <Rows label="Objects of the cluster itself that are denied" noun="kind" value={spec.clusterResourceBlacklist ?? []} onChange={(clusterResourceBlacklist) => set({ clusterResourceBlacklist })} columns={[...kinds, { key: "name" as const, label: "Name", placeholder: "name, or empty" }]} blank={{ group: "", kind: "" }} />
      <Rows label="Objects in namespaces that are allowed" hint="All, where nothing stands here." noun="kind" value={spec.namespaceResourceWhitelist ?? []} onChange={(namespaceResourceWhitelist) => set({ namespaceResourceWhitelist })} columns={kinds} blank={{ group: "", kind: "" }} />
      <Rows label="Objects in namespaces that are denied" noun="kind" value={spec.namespaceResourceBlacklist ?? []} onChange={(namespaceResourceBlacklist) => set({ namespaceResourceBlacklist })} columns={kinds} blank={{ group: "", kind: "" }} />
      <Rows
        label="As whom"
        hint="Service accounts by which objects are written, where not by Hawser's own account of the cluster."
        noun="service account"
        value={spec.destinationServiceAccounts ?? []}
        onChange={(destinationServiceAccounts) => set({ destinationServiceAccounts })}
        columns={[
          { key: "server", label: "Cluster address", options: servers },
          { key: "namespace", label: "Namespace" },
          { key: "defaultServiceAccount", label: "Service account" },
        ]}
        blank={{ server: "", namespace: "", defaultServiceAccount: "" }}
      />
      <Texts label="Signatures" hint="GnuPG keys, one of which must have signed every commit that is deployed. None: signatures are not demanded." noun="key" placeholder="4AEE18F83AFDEB23" value={(spec.signatureKeys ?? []).map((k) => k.keyID ?? "")} onChange={(ids) => set({ signatureKeys: ids.map((keyID) => ({ keyID })) })} options={keys} />
      <Checkbox label="Watch for orphaned resources" hint="Objects in its namespaces that belong to no application." checked={!!orphans} onChange={(e) => set({ orphanedResources: e.target.checked ? { warn: true } : undefined })} />
      {orphans && <Checkbox label="Warn of them on the application" checked={orphans.warn !== false} onChange={(e) => set({ orphanedResources: { ...orphans, warn: e.target.checked } })} />}
      <Checkbox label="Only clusters that are registered for this project" checked={!!spec.permitOnlyProjectScopedClusters} onChange={(e) => set({ permitOnlyProjectScopedClusters: e.target.checked || undefined })} />
    </div>
  );
}
