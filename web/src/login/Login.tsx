import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useLocation, useRouter, useSearch } from "@tanstack/react-router";
import { Clock, LogIn } from "lucide-react";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { address, ApiError, root } from "../api";
import { logIn, settingsQuery } from "../session";
import { Banner } from "../shell/Banner";
import { Logo } from "../shell/Logo";
import { useTitle } from "../shell/Shell";
import type { Settings } from "../types";
import { Button } from "../ui/Button";
import { TextField } from "../ui/Field";
import { Failure, Waiting } from "../ui/Say";
import styles from "./Login.module.css";
import { ownPath } from "./ownPath";

/** Who are you? What is said here is said by the page: no text of the address is shown. */
export function Login() {
  useTitle("Log in");
  const settings = useQuery(settingsQuery);
  const { return_url } = useSearch({ from: "/login" });
  const ended = useLocation({ select: (l) => l.state.sessionEnded === true });
  const to = ownPath(return_url);
  const s = settings.data;
  return (
    <div className={styles.around}>
      <Banner />
      <div className={styles.page}>
        <main className={styles.card}>
          <div className={styles.brand}>
            <Logo />
            <div>
              <h1>Hawser</h1>
              <p>Pulls your clusters to what Git says, and holds them there.</p>
            </div>
          </div>
          {ended && (
            <p className={styles.ended} role="status">
              <Clock aria-hidden />
              Your session has ended. Log in to go on where you were.
            </p>
          )}
          {settings.isPending && <Waiting>Asking Hawser how to log in</Waiting>}
          {settings.isError && <Failure error={settings.error} doing="reach Hawser" onRetry={() => settings.refetch()} />}
          {s && <Ways settings={s} to={to} />}
        </main>
      </div>
    </div>
  );
}

function Ways({ settings, to }: { settings: Settings; to: string }) {
  const issuers = issuersOf(settings);
  return (
    <>
      {issuers.map((i) => (
        <a key={i.issuer} className={styles.sso} href={address("/auth/login", { return_url: root + to, issuer: issuers.length > 1 ? i.issuer : undefined })}>
          <LogIn aria-hidden />
          {(issuers.length === 1 && settings.uiLoginButtonText) || `Log in with ${i.name || "single sign-on"}`}
        </a>
      ))}
      {issuers.length > 0 && !settings.userLoginsDisabled && (
        <p className={styles.or}>
          <span>or with a password</span>
        </p>
      )}
      {!settings.userLoginsDisabled && <PasswordForm to={to} first={issuers.length === 0} />}
      {settings.userLoginsDisabled && issuers.length === 0 && <p>No way to log in is set up: no account may use a password, and there is no issuer (oidc.config in argocd-cm).</p>}
    </>
  );
}

/** The issuers that may vouch for people. Argo CD's servers tell of one. */
const issuersOf = (s: Settings) => (s.oidcProviders?.length ? s.oidcProviders : s.oidcConfig ? [s.oidcConfig] : []);

function PasswordForm({ to, first }: { to: string; first: boolean }) {
  const router = useRouter();
  const queries = useQueryClient();
  const field = useRef<HTMLFormElement>(null);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  const submit = async (e: FormEvent) => {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await logIn(name.trim(), password);
      queries.clear();
      router.history.replace(root + to);
    } catch (e) {
      setError(e);
      setPassword("");
      setBusy(false);
    }
  };
  useEffect(() => {
    if (error !== undefined) field.current?.querySelector<HTMLInputElement>('[name="password"]')?.focus();
  }, [error]);
  const wrong = error instanceof ApiError && error.status === 401;
  return (
    <form ref={field} onSubmit={submit} className={styles.form}>
      <TextField label="User name" name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus={first} value={name} onChange={(e) => setName(e.target.value)} />
      <TextField
        label="Password"
        name="password"
        type="password"
        autoComplete="current-password"
        required
        value={password}
        error={wrong && "This user name and password do not fit."}
        onChange={(e) => setPassword(e.target.value)}
      />
      {error !== undefined && !wrong && <Failure error={error} doing="log in" />}
      <Button type="submit" look="primary" busy={busy && "Logging in…"}>
        Log in
      </Button>
    </form>
  );
}
