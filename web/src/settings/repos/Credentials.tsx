import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeySquare, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { path, send } from "../../api";
import { useMay } from "../../session";
import type { RepoCreds } from "../../types";
import { Button } from "../../ui/Button";
import { Select, TextField } from "../../ui/Field";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Menu } from "../../ui/Menu";
import { IconButton } from "../../ui/Button";
import { say } from "../../ui/Toast";
import { changed, credsQuery, reposQuery } from "../data";
import { counted } from "../glance";
import { Confirm, Find, FormDialog, found, Note, Screen, Table, useSettingsSearch, useShow } from "../kit";
import kit from "../kit.module.css";
import type { PlaceProps } from "../Settings";
import { LoginFields, MoreFields } from "./LoginFields";
import { blank, credsOf, draftOf, overSsh, typeWords, type Draft } from "./repository";
import { Ellipsis } from "lucide-react";

/** Logins that count for every repository whose address begins with theirs. */
export function Credentials({ place }: PlaceProps) {
  const queries = useQueryClient();
  const list = useQuery(credsQuery);
  const repos = useQuery(reposQuery).data;
  const { form, of, find } = useSettingsSearch();
  const show = useShow();
  const mayCreate = useMay("repositories", "create", "*");
  const mayUpdate = useMay("repositories", "update", "*");
  const mayDelete = useMay("repositories", "delete", "*");
  const close = () => show({ form: undefined, of: undefined });
  const one = of === undefined ? undefined : list.data?.find((c) => c.url === of);
  const rows = list.data?.filter((c) => found(find, c.url, c.username));
  const users = (c: RepoCreds) => repos?.filter((r) => r.inheritedCreds && r.repo?.startsWith(c.url ?? "")).length ?? 0;
  const add = mayCreate && (
    <Button look="primary" icon={<Plus />} onClick={() => show({ form: "new" })}>
      Add credential template
    </Button>
  );
  return (
    <Screen place={place} about="One login for all repositories whose address begins in the same way. The longest that fits is used, where a repository has none of its own." actions={list.data?.length ? add : undefined}>
      {list.isPending && <Waiting>Loading the credential templates</Waiting>}
      {list.isError && <Failure error={list.error} doing="see the credential templates" onRetry={() => list.refetch()} />}
      {list.data?.length === 0 && (
        <Empty title="No credential templates" icon={<KeySquare />}>
          <p>
            With a template for <code>https://git.example.com/team/</code>, every repository below that address is logged in to by it, whether it is registered or not.
          </p>
          {add}
        </Empty>
      )}
      {!!list.data?.length && (
        <>
          <Find what="an address" />
          <Table
            label={place.title}
            rows={rows!}
            id={(c) => c.url ?? ""}
            columns={[
              { head: "Addresses that begin with", wide: true, cell: (c) => c.url },
              { head: "Kind", cell: (c) => typeWords(c.type, c.enableOCI) },
              { head: "Login", cell: (c) => (c.username ? `As ${c.username}` : overSsh(c.url ?? "") ? "By SSH key" : "Not shown") },
              { head: "Used by", cell: (c) => (users(c) ? counted(users(c), "registered repository", "registered repositories") : "no registered repository") },
              {
                head: "Change",
                cell: (c) =>
                  mayUpdate || mayDelete ? (
                    <Menu
                      trigger={
                        <IconButton label={`Change the template for ${c.url}`}>
                          <Ellipsis />
                        </IconButton>
                      }
                      choices={[
                        mayUpdate && { label: "Edit", icon: <Pencil />, onSelect: () => show({ form: "edit", of: c.url }) },
                        mayDelete && { label: "Remove", icon: <Trash2 />, danger: true, onSelect: () => show({ form: "remove", of: c.url }) },
                      ]}
                    />
                  ) : (
                    "may not"
                  ),
              },
            ]}
          />
          {rows!.length === 0 && <Note>No template has these words.</Note>}
        </>
      )}
      {mayCreate && form === "new" && <CredentialsForm onClose={close} />}
      {mayUpdate && one && form === "edit" && <CredentialsForm of={one} onClose={close} />}
      {mayDelete && one && form === "remove" && (
        <Confirm
          title="Remove credential template"
          verb="Remove template"
          verbing="Removing…"
          doing="remove the template"
          onClose={close}
          onConfirm={async () => {
            await send("DELETE", path`/api/v1/repocreds/${one.url ?? ""}`);
            await changed(queries, "repocreds");
            await changed(queries, "repos");
            close();
          }}
        >
          <p>
            Repositories below <strong>{one.url}</strong> that have no login of their own can no longer be reached, unless they are public.
          </p>
        </Confirm>
      )}
    </Screen>
  );
}

function CredentialsForm({ of, onClose }: { of?: RepoCreds; onClose: () => void }) {
  const queries = useQueryClient();
  const [draft, setDraft] = useState<Draft>(of ? { ...draftOf({ repo: of.url, type: of.type, username: of.username, enableOCI: of.enableOCI }) } : { ...blank, login: "password" });
  const set = (change: Partial<Draft>) => setDraft((d) => ({ ...d, ...change }));
  const submit = async () => {
    const creds = credsOf(draft);
    if (of) await send("PUT", path`/api/v1/repocreds/${of.url ?? ""}`, creds);
    else await send("POST", "/api/v1/repocreds", creds);
    await changed(queries, "repocreds");
    await changed(queries, "repos");
    say(`The login for ${creds.url} was saved.`);
    onClose();
  };
  return (
    <FormDialog title={of ? "Edit credential template" : "Add credential template"} onClose={onClose} onSubmit={submit} submit="Save template" submitting="Saving…" doing="save the template">
      {of && <Note>Saving writes the whole record. The server shows no password or key, so write it again.</Note>}
      <Select label="Kind" value={draft.type} onChange={(e) => set({ type: e.target.value as Draft["type"] })}>
        <option value="git">Git</option>
        <option value="helm">Helm</option>
        <option value="oci">OCI</option>
      </Select>
      <TextField
        label="Addresses that begin with"
        hint="https://git.example.com/team/, or git@git.example.com:team/ for SSH. End it with a slash, so that it fits no longer name."
        required
        readOnly={!!of}
        value={draft.url}
        spellCheck={false}
        onChange={(e) => {
          const url = e.target.value;
          set(overSsh(url) ? { url, login: "ssh" } : { url });
        }}
      />
      <LoginFields draft={draft} set={set} />
      <details>
        <summary>More: proxy, client certificate</summary>
        <div className={kit.form} style={{ marginTop: 12 }}>
          <MoreFields draft={draft} set={set} template />
        </div>
      </details>
    </FormDialog>
  );
}
