import { useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Lock } from "lucide-react";
import { useState } from "react";
import { get, path, send } from "../../api";
import { useMay, useSettings, useUser } from "../../session";
import type { Account as Record } from "../../types";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Failure, Waiting } from "../../ui/Say";
import { say } from "../../ui/Toast";
import { changed } from "../data";
import { Confirm, Facts, FormDialog, Note, Part, Screen, useSettingsSearch, useShow } from "../kit";
import { NewToken } from "../NewToken";
import type { Place } from "../places";
import { Tokens } from "../projects/Roles";
import { Word } from "../Word";
import { fits, mayWords, passwordFault, patternWords } from "./account";

/** One local account: its password and its tokens. */
export function Account({ place, name }: { place: Place; name: string }) {
  const queries = useQueryClient();
  const user = useUser();
  const { form, of } = useSettingsSearch();
  const show = useShow();
  const account = useQuery({ queryKey: ["settings", "accounts", name], queryFn: ({ signal }) => get<Record>(path`/api/v1/account/${name}`, undefined, signal) });
  const own = user?.iss === "argocd" && user.username === name;
  const may = useMay("accounts", "update", name);
  const mayUpdate = own || may;
  const close = () => show({ form: undefined, of: undefined });
  const a = account.data;

  if (account.isPending) return <Screen place={place} item={name} about=""><Waiting>Loading account {name}</Waiting></Screen>;
  if (account.isError) return <Screen place={place} item={name} about=""><Failure error={account.error} doing={`see account ${name}`} onRetry={() => account.refetch()} /></Screen>;
  const tokens = (a!.tokens ?? []).map((t) => ({ id: t.id, iat: t.issuedAt, exp: t.expiresAt }));
  const hasKeys = a!.capabilities?.includes("apiKey");
  return (
    <Screen place={place} item={name} about={own ? "This is you." : "A local user."}>
      <Part
        title="Account"
        actions={mayUpdate && a!.capabilities?.includes("login") && <Button icon={<Lock />} onClick={() => show({ form: "password" })}>Change password</Button>}
      >
        <Facts
          of={[
            ["State", a!.enabled ? <Word tone="healthy">Enabled</Word> : <Word tone="off">Disabled: it can neither log in nor use its tokens</Word>],
            ["May", mayWords(a!)],
          ]}
        />
      </Part>
      <Part
        title="API tokens"
        about="For programs that act as this account, without its password."
        actions={mayUpdate && hasKeys && <Button icon={<KeyRound />} onClick={() => show({ form: "token" })}>New token</Button>}
      >
        {tokens.length > 0 ? (
          <Tokens of={tokens} onDelete={mayUpdate ? (t) => show({ form: "delete-token", of: t.id }) : undefined} />
        ) : (
          <Note>
            {hasKeys ? "It has none." : <>It may have none. The capability <code>apiKey</code> in argocd-cm permits them: <code>{`accounts.${name}: login, apiKey`}</code>.</>}
          </Note>
        )}
      </Part>
      {mayUpdate === false && <Note>You can look at this account, but not change it.</Note>}
      {mayUpdate && form === "password" && <Password of={name} own={own} onClose={close} />}
      {mayUpdate && form === "token" && <NewToken what={`account ${name}`} at={path`/api/v1/account/${name}/token`} onMade={() => changed(queries, "accounts")} onClose={close} />}
      {mayUpdate && form === "delete-token" && of && (
        <Confirm
          title="Delete token"
          verb="Delete token"
          verbing="Deleting…"
          doing="delete the token"
          onClose={close}
          onConfirm={async () => {
            await send("DELETE", path`/api/v1/account/${name}/token/${of}`);
            await changed(queries, "accounts");
            close();
          }}
        >
          <p>
            Whoever uses token <code>{of}</code> is refused from then on.
          </p>
        </Confirm>
      )}
    </Screen>
  );
}

function Password({ of: name, own, onClose }: { of: string; own: boolean; onClose: () => void }) {
  const user = useUser();
  const pattern = useSettings()?.passwordPattern;
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const [again, setAgain] = useState("");
  const [fault, setFault] = useState<{ at: "current" | "new" | "form"; words: string }>();
  const local = user?.iss === "argocd";
  const submit = async () => {
    setFault(undefined);
    try {
      await send("PUT", "/api/v1/account/password", { name, currentPassword: current, newPassword: wanted });
    } catch (e) {
      setFault({ at: passwordFault(e), words: e instanceof Error ? e.message : String(e) });
      throw e;
    }
    say(own ? "Your password was changed." : `The password of ${name} was changed.`);
    onClose();
  };
  const misfit = wanted !== "" && fits(pattern, wanted) === false;
  return (
    <FormDialog
      title={own ? "Change your password" : `Change the password of ${name}`}
      onClose={onClose}
      width="narrow"
      onSubmit={submit}
      submit="Change password"
      submitting="Changing…"
      doing="change the password"
      takes={(e) => passwordFault(e) !== "form"}
      disabled={misfit || again !== wanted}
    >
      <input type="text" autoComplete="username" value={name} readOnly hidden />
      {local && (
        <TextField
          label={own ? "Current password" : "Your own password"}
          hint={own ? undefined : `The password of ${user?.username}, to be sure that it is you.`}
          type="password"
          autoComplete="current-password"
          required
          value={current}
          error={fault?.at === "current" && "This is not the current password."}
          onChange={(e) => setCurrent(e.target.value)}
        />
      )}
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        required
        hint={patternWords(pattern)}
        value={wanted}
        error={fault?.at === "new" ? fault.words : misfit && patternWords(pattern)}
        onChange={(e) => setWanted(e.target.value)}
      />
      <TextField label="New password again" type="password" autoComplete="new-password" required value={again} error={again !== "" && again !== wanted && "The two differ."} onChange={(e) => setAgain(e.target.value)} />
      <Note>Sessions that are open elsewhere end with the old password.</Note>
    </FormDialog>
  );
}
