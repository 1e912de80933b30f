import { useState } from "react";
import { send } from "../api";
import { exact } from "../time";
import { TextField } from "../ui/Field";
import { FormDialog, Once } from "./kit";
import { lifetime } from "./projects/rules";

interface Props {
  /** Whose token it is: "account ada". */
  what: string;
  /** The address that makes it. */
  at: string;
  onMade: () => Promise<unknown>;
  onClose: () => void;
}

/** Makes a token, and shows it once. */
export function NewToken({ what, at, onMade, onClose }: Props) {
  const [id, setId] = useState("");
  const [life, setLife] = useState("30d");
  const [made, setMade] = useState<string>();
  const seconds = lifetime(life);
  if (made !== undefined) {
    return (
      <Once title="The new token" text={made} onClose={onClose}>
        <p>
          It acts as {what}. Give it to a command by <code>--auth-token</code> or in the variable <code>ARGOCD_AUTH_TOKEN</code>, or send it as <code>Authorization: Bearer …</code>.
        </p>
        <p>{seconds ? `It is good until ${exact(Date.now() + seconds * 1000)}.` : "It never expires: delete it when it is no longer needed."}</p>
      </Once>
    );
  }
  return (
    <FormDialog
      title={`New token of ${what}`}
      onClose={onClose}
      width="narrow"
      onSubmit={async () => {
        const { token } = await send<{ token?: string }>("POST", at, { id: id.trim() || undefined, expiresIn: seconds });
        setMade(token ?? "");
        await onMade();
      }}
      submit="Make token"
      submitting="Making the token…"
      doing="make the token"
      disabled={seconds === undefined}
    >
      <TextField label="Name" hint="By which you will know it again: what uses it. May stay empty." value={id} autoComplete="off" onChange={(e) => setId(e.target.value)} />
      <TextField
        label="Expires in"
        hint={seconds ? `On ${exact(Date.now() + seconds * 1000)}. Empty: never.` : "Never. A token that ends by itself is safer: 12h, 30d, 1y."}
        error={seconds === undefined && "Write a number and m, h, d, w or y, such as 30d; or nothing, for never."}
        value={life}
        onChange={(e) => setLife(e.target.value)}
      />
    </FormDialog>
  );
}
