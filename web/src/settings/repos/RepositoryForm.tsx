import { useQueryClient } from "@tanstack/react-query";
import { PlugZap } from "lucide-react";
import { useState } from "react";
import { path, send } from "../../api";
import type { Repository } from "../../types";
import { Button } from "../../ui/Button";
import { Select, TextField } from "../../ui/Field";
import { Failure } from "../../ui/Say";
import { say } from "../../ui/Toast";
import { changed, useProjectNames } from "../data";
import { FormDialog, Note } from "../kit";
import kit from "../kit.module.css";
import { Word } from "../Word";
import { LoginFields, MoreFields } from "./LoginFields";
import { accessOf, blank, draftOf, overSsh, repositoryOf, type Draft } from "./repository";

/** Registers a repository, or writes the record of one anew. */
export function RepositoryForm({ of, onClose }: { of?: Repository; onClose: () => void }) {
  const queries = useQueryClient();
  const projects = useProjectNames();
  const [draft, setDraft] = useState<Draft>(of ? draftOf(of) : blank);
  const [trial, setTrial] = useState<"no" | "trying" | "ok" | { error: unknown }>("no");
  const set = (change: Partial<Draft>) => {
    setDraft((d) => ({ ...d, ...change }));
    setTrial("no"); // what was tried is not what stands there now
  };
  const test = async () => {
    setTrial("trying");
    try {
      // Not Argo CD's own route, which has the credentials in the address, where proxies write them into their logs.
      await send("POST", path`/api/v1/repositories/${draft.url.trim()}/access`, accessOf(draft));
      setTrial("ok");
    } catch (error) {
      setTrial({ error });
    }
  };
  const submit = async () => {
    const repo = repositoryOf(draft);
    if (of) await send("PUT", path`/api/v1/repositories/${of.repo ?? ""}`, repo);
    else await send("POST", "/api/v1/repositories", repo);
    await changed(queries, "repos");
    say(of ? `${repo.repo} was saved.` : `${repo.repo} is registered.`);
    onClose();
  };
  return (
    <FormDialog
      title={of ? "Edit repository" : "Add repository"}
      onClose={onClose}
      onSubmit={submit}
      submit={of ? "Save repository" : "Add repository"}
      submitting={of ? "Saving…" : "Connecting…"}
      doing={of ? "save the repository" : "add the repository"}
      extra={
        <Button icon={<PlugZap />} busy={trial === "trying" && "Connecting…"} disabled={!draft.url.trim()} onClick={() => void test()}>
          Test connection
        </Button>
      }
    >
      {of && (
        <Note>
          Saving writes the whole record. The server shows no password or key, so write it again: a login that is left out is removed.
        </Note>
      )}
      <Select label="Kind" value={draft.type} onChange={(e) => set({ type: e.target.value as Draft["type"] })}>
        <option value="git">Git</option>
        <option value="helm">Helm</option>
        <option value="oci">OCI</option>
      </Select>
      <TextField
        label="Address"
        required
        readOnly={!!of}
        value={draft.url}
        spellCheck={false}
        autoComplete="off"
        hint={of ? "The address is what the record is known by: to change it, add another." : draft.type === "oci" ? "oci://registry.example.com/team/app" : "https://git.example.com/team/app.git, or git@git.example.com:team/app.git for SSH"}
        onChange={(e) => {
          const url = e.target.value;
          set(overSsh(url) && draft.login !== "ssh" ? { url, login: "ssh" } : { url });
        }}
      />
      <TextField label="Name" hint={draft.type === "helm" ? "By which charts are told apart." : "May stay empty."} required={draft.type === "helm"} value={draft.name} onChange={(e) => set({ name: e.target.value })} />
      {of ? (
        <TextField label="Project" readOnly value={draft.project || "all projects"} />
      ) : (
        <Select label="Project" hint="A repository of a project is for that project alone, and is not tried before it is saved." value={draft.project} onChange={(e) => set({ project: e.target.value })}>
          <option value="">All that permit it</option>
          {projects?.map((p) => (
            <option key={p} value={p}>
              {p}
            </option>
          ))}
        </Select>
      )}
      <LoginFields draft={draft} set={set} />
      <details>
        <summary>More: trust, proxy, large files</summary>
        <div className={kit.form} style={{ marginTop: 12 }}>
          <MoreFields draft={draft} set={set} />
        </div>
      </details>
      <div role="status">
        {trial === "ok" && <Word tone="healthy">The repository lets us in.</Word>}
        {trial === "trying" && <Word tone="unknown">Connecting to the repository…</Word>}
      </div>
      {typeof trial === "object" && <Failure error={trial.error} doing="connect to the repository" />}
    </FormDialog>
  );
}
