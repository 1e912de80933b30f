import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, ShieldCheck, Trash2 } from "lucide-react";
import { useState } from "react";
import { send } from "../../api";
import { useMay } from "../../session";
import { useNow } from "../../time";
import type { RepositoryCertificate } from "../../types";
import { Button, IconButton } from "../../ui/Button";
import { Checkbox, Select, TextArea, TextField } from "../../ui/Field";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { say } from "../../ui/Toast";
import { certsQuery, changed } from "../data";
import { Confirm, Find, FormDialog, found, Note, Screen, Table, useSettingsSearch, useShow } from "../kit";
import type { PlaceProps } from "../Settings";
import { Word } from "../Word";
import { certificateEnds, knownHosts, tlsCertificate } from "./certificates";

const idOf = (c: RepositoryCertificate) => [c.certType, c.serverName, c.certSubType, c.certInfo].join(" ");

/** The TLS certificates and SSH host keys by which repository servers are known. */
export function Certificates({ place }: PlaceProps) {
  const list = useQuery(certsQuery);
  const { form, of, find } = useSettingsSearch();
  const show = useShow();
  const mayCreate = useMay("certificates", "create", "*");
  const mayDelete = useMay("certificates", "delete", "*");
  const close = () => show({ form: undefined, of: undefined });
  const rows = list.data?.filter((c) => found(find, c.serverName, c.certSubType, c.certInfo));
  const removing = form === "remove" ? list.data?.find((c) => idOf(c) === of) : undefined;
  const add = mayCreate && (
    <>
      <Button icon={<Plus />} onClick={() => show({ form: "tls" })}>Add TLS certificate</Button>
      <Button icon={<Plus />} onClick={() => show({ form: "ssh" })}>Add SSH host keys</Button>
    </>
  );
  return (
    <Screen place={place} actions={list.data?.length ? add : undefined}>
      {list.isPending && <Waiting>Loading the certificates and host keys</Waiting>}
      {list.isError && <Failure error={list.error} doing="see the certificates and host keys" onRetry={() => list.refetch()} />}
      {list.data?.length === 0 && (
        <Empty title="No certificates or host keys" icon={<ShieldCheck />}>
          <p>
            Servers with a certificate from a public authority need none. Add the certificate of your own authority, or of a server that signed its own. An SSH repository is
            reached only when its server's host key is known: get it with
          </p>
          <pre>ssh-keyscan git.example.com</pre>
          <p>and compare it with what the server's people publish.</p>
          {add}
        </Empty>
      )}
      {!!list.data?.length && (
        <>
          <Find what="a server" />
          <Table
            label={place.title}
            rows={rows!}
            id={idOf}
            columns={[
              { head: "Server", cell: (c) => c.serverName },
              { head: "Kind", cell: (c) => (c.certType === "ssh" ? `SSH host key (${c.certSubType})` : `TLS certificate (${c.certSubType})`) },
              { head: "Fingerprint or subject", wide: true, cell: (c) => <code>{c.certInfo}</code> },
              { head: "Expires", cell: (c) => <Expiry of={c} /> },
              {
                head: "Change",
                cell: (c) =>
                  mayDelete ? (
                    <IconButton label={`Remove ${c.certType === "ssh" ? c.certSubType + " key" : "certificate"} of ${c.serverName}`} onClick={() => show({ form: "remove", of: idOf(c) })}>
                      <Trash2 />
                    </IconButton>
                  ) : (
                    "may not"
                  ),
              },
            ]}
          />
          {rows!.length === 0 && <Note>No server has these words.</Note>}
        </>
      )}
      {mayCreate && form === "tls" && <AddTls onClose={close} />}
      {mayCreate && form === "ssh" && <AddSsh onClose={close} />}
      {removing && <Remove of={removing} onClose={close} />}
    </Screen>
  );
}

function Expiry({ of }: { of: RepositoryCertificate }) {
  const now = useNow();
  const ends = certificateEnds(of);
  if (ends === undefined) return null;
  const at = new Date(ends).toISOString();
  if (ends <= now) return <Word tone="degraded">expired <Time at={at} /></Word>;
  if (ends < now + 30 * 86_400_000) return <Word tone="outofsync"><Time at={at} /></Word>;
  return <Time at={at} />;
}

function AddTls({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [host, setHost] = useState("");
  const [pem, setPem] = useState("");
  const [replace, setReplace] = useState(false);
  const submit = async () => {
    await send("POST", "/api/v1/certificates", { items: [tlsCertificate(host, pem)] }, { upsert: replace });
    await changed(queries, "certs");
    say(`The certificate of ${host.trim()} is trusted from now on.`);
    onClose();
  };
  return (
    <FormDialog title="Add a TLS certificate" onClose={onClose} onSubmit={submit} submit="Add certificate" submitting="Adding…" doing="add the certificate">
      <TextField label="Server" hint="The host without a port, such as git.example.com." required value={host} spellCheck={false} onChange={(e) => setHost(e.target.value)} />
      <TextArea
        label="Certificate"
        hint="PEM. The certificate of the server or of the authority that signed it; several may follow one another."
        required
        rows={12}
        placeholder={"-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----"}
        value={pem}
        onChange={(e) => setPem(e.target.value)}
      />
      <Checkbox label="Replace what is stored for this server" checked={replace} onChange={(e) => setReplace(e.target.checked)} />
    </FormDialog>
  );
}

function AddSsh({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const [replace, setReplace] = useState("keep");
  const { items, wrong } = knownHosts(text);
  const submit = async () => {
    await send("POST", "/api/v1/certificates", { items }, { upsert: replace === "replace" });
    await changed(queries, "certs");
    say(items.length === 1 ? "One host key is known from now on." : `${items.length} host keys are known from now on.`);
    onClose();
  };
  return (
    <FormDialog title="Add SSH host keys" onClose={onClose} onSubmit={submit} submit="Add host keys" submitting="Adding…" doing="add the host keys" disabled={items.length === 0 || wrong !== undefined}>
      <TextArea
        label="Host keys"
        hint={items.length > 0 ? `${items.length} understood: ${items.map((i) => `${i.serverName} (${i.certSubType})`).join(", ")}` : "Lines as in known_hosts: server, kind, key. ssh-keyscan SERVER prints them."}
        error={wrong && `This is no line of known_hosts: ${wrong.slice(0, 80)}`}
        required
        rows={10}
        placeholder="git.example.com ssh-ed25519 AAAAC3Nza…"
        value={text}
        onChange={(e) => setText(e.target.value)}
      />
      <Select label="When a server has another key of this kind" value={replace} onChange={(e) => setReplace(e.target.value)}>
        <option value="keep">Refuse</option>
        <option value="replace">Replace it</option>
      </Select>
    </FormDialog>
  );
}

function Remove({ of, onClose }: { of: RepositoryCertificate; onClose: () => void }) {
  const queries = useQueryClient();
  const all = of.certType === "https";
  return (
    <Confirm
      title={all ? "Remove certificates" : "Remove host key"}
      verb="Remove"
      verbing="Removing…"
      doing="remove it"
      onClose={onClose}
      onConfirm={async () => {
        await send("DELETE", "/api/v1/certificates", undefined, { hostNamePattern: of.serverName, certType: of.certType, certSubType: of.certType === "ssh" ? of.certSubType : undefined });
        await changed(queries, "certs");
        onClose();
      }}
    >
      <p>
        {all ? <>All TLS certificates of <strong>{of.serverName}</strong> are removed.</> : <>The {of.certSubType} key of <strong>{of.serverName}</strong> is removed.</>} Repositories on it may no longer be
        reached; what is deployed stays as it is.
      </p>
    </Confirm>
  );
}
