import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { send } from "../../api";
import { useMay } from "../../session";
import type { GnuPGPublicKeyCreateResponse } from "../../types";
import { Button, IconButton } from "../../ui/Button";
import { TextArea } from "../../ui/Field";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { say } from "../../ui/Toast";
import { changed, keysQuery } from "../data";
import { Confirm, Find, FormDialog, found, Note, Screen, Table, useSettingsSearch, useShow } from "../kit";
import { counted } from "../glance";
import type { PlaceProps } from "../Settings";

/** Public keys whose signatures on commits can be demanded by projects. */
export function GpgKeys({ place }: PlaceProps) {
  const list = useQuery(keysQuery);
  const { form, of, find } = useSettingsSearch();
  const show = useShow();
  const mayCreate = useMay("gpgkeys", "create", "*");
  const mayDelete = useMay("gpgkeys", "delete", "*");
  const close = () => show({ form: undefined, of: undefined });
  const rows = list.data?.filter((k) => found(find, k.keyID, k.owner, k.fingerprint));
  const add = mayCreate && <Button icon={<Plus />} onClick={() => show({ form: "new" })}>Add GnuPG key</Button>;
  return (
    <Screen place={place} about="Public keys of people and robots. A project that names some of them deploys only commits that one of these has signed." actions={list.data?.length ? add : undefined}>
      {list.isPending && <Waiting>Loading the keys</Waiting>}
      {list.isError && <Failure error={list.error} doing="see the GnuPG keys" onRetry={() => list.refetch()} />}
      {list.data?.length === 0 && (
        <Empty title="No GnuPG keys" icon={<KeyRound />}>
          <p>Add the public key of whoever signs commits, then name it in a project. This prints it:</p>
          <pre>gpg --armor --export ada@example.com</pre>
          {add}
        </Empty>
      )}
      {!!list.data?.length && (
        <>
          <Find what="a key" />
          <Table
            label={place.title}
            rows={rows!}
            id={(k) => k.keyID ?? ""}
            columns={[
              { head: "Key", cell: (k) => <code>{k.keyID}</code> },
              { head: "Owner", wide: true, cell: (k) => k.owner || "cannot be read" },
              { head: "Kind", cell: (k) => k.subType },
              { head: "Fingerprint", cell: (k) => <code>{k.fingerprint}</code> },
              {
                head: "Change",
                cell: (k) =>
                  mayDelete ? (
                    <IconButton label={`Remove key ${k.keyID}`} onClick={() => show({ form: "remove", of: k.keyID })}>
                      <Trash2 />
                    </IconButton>
                  ) : (
                    "may not"
                  ),
              },
            ]}
          />
          {rows!.length === 0 && <Note>No key has these words.</Note>}
        </>
      )}
      {mayCreate && form === "new" && <Add onClose={close} />}
      {mayDelete && form === "remove" && of && <Remove keyID={of} onClose={close} />}
    </Screen>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const submit = async () => {
    const { created, skipped } = await send<GnuPGPublicKeyCreateResponse>("POST", "/api/v1/gpgkeys", { keyData: text });
    await changed(queries, "gpgkeys");
    const added = created?.items?.length ?? 0;
    say([counted(added, "key was", "keys were") + " added", skipped?.length && `${skipped.length} already known`].filter(Boolean).join("; ") + ".");
    onClose();
  };
  return (
    <FormDialog title="Add GnuPG keys" onClose={onClose} onSubmit={submit} submit="Add keys" submitting="Adding…" doing="add the keys">
      <TextArea
        label="Public keys"
        hint="In ASCII armor, as gpg --armor --export prints them. Never a private key."
        required
        rows={14}
        placeholder={"-----BEGIN PGP PUBLIC KEY BLOCK-----\n…"}
        value={text}
        error={text.includes("PRIVATE KEY") ? "This is a private key. Keep it to yourself, and paste the public one." : undefined}
        onChange={(e) => setText(e.target.value)}
      />
    </FormDialog>
  );
}

function Remove({ keyID, onClose }: { keyID: string; onClose: () => void }) {
  const queries = useQueryClient();
  return (
    <Confirm
      title="Remove GnuPG key"
      verb="Remove key"
      verbing="Removing…"
      doing="remove the key"
      onClose={onClose}
      onConfirm={async () => {
        await send("DELETE", "/api/v1/gpgkeys", undefined, { keyID });
        await changed(queries, "gpgkeys");
        onClose();
      }}
    >
      <p>
        Commits that key <code>{keyID}</code> has signed no longer count as signed. Projects that demand it deploy nothing new by it.
      </p>
    </Confirm>
  );
}
