import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { LogIn } from "lucide-react";
import { useState, type FormEvent } from "react";
import { address } from "../api";
import { logIn, settingsQuery } from "../session";
import { Logo } from "../shell/Logo";
import { useTitle } from "../shell/Shell";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Failure } from "../ui/Say";
import styles from "./Login.module.css";

/** Only a path of our own is gone to after the login: an address that somebody else wrote must not lead away. */
export function ownPath(to: string | undefined): string {
  return to && /^\/(?![/\\])[^\\]*$/.test(to) && !/[\u0000-\u001f]/.test(to) ? to : "/applications";
}

export function Login() {
  useTitle("Log in");
  const settings = useQuery(settingsQuery);
  const { return_url } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const to = ownPath(return_url);

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await logIn(name, password);
      queries.clear();
      await navigate({ to, replace: true });
    } catch (e) {
      setError(e);
      setPassword("");
    } finally {
      setBusy(false);
    }
  };

  const sso = settings.data?.oidcConfig;
  return (
    <div className={styles.page}>
      <main className={styles.card}>
        <div className={styles.brand}>
          <Logo />
          <div>
            <h1>Hawser</h1>
            <p>Pulls your clusters to what Git says, and holds them there.</p>
          </div>
        </div>
        {settings.isError && <Failure error={settings.error} doing="reach Hawser" onRetry={() => settings.refetch()} />}
        {sso && (
          <a className={styles.sso} href={address("/auth/login", { return_url: to })}>
            <LogIn aria-hidden />
            {settings.data?.uiLoginButtonText || `Log in with ${sso.name || "single sign-on"}`}
          </a>
        )}
        {sso && !settings.data?.userLoginsDisabled && <p className={styles.or}>or with a password</p>}
        {!settings.data?.userLoginsDisabled && (
          <form onSubmit={submit} className={styles.form}>
            <TextField label="User name" name="username" autoComplete="username" required autoFocus value={name} onChange={(e) => setName(e.target.value)} />
            <TextField label="Password" name="password" type="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
            {error !== undefined && <Failure error={error} doing="log in" />}
            <Button type="submit" look="primary" busy={busy && "Logging in…"}>
              Log in
            </Button>
          </form>
        )}
        {settings.data?.userLoginsDisabled && !sso && <p>No way to log in is set up: no account may use a password, and there is no issuer (oidc.config in argocd-cm).</p>}
      </main>
    </div>
  );
}
