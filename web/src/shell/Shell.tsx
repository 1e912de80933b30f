import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouter, type ErrorComponentProps } from "@tanstack/react-router";
import { CircleHelp, Layers, LogIn, LogOut, Monitor, Moon, Settings as SettingsIcon, Sun, UserRound } from "lucide-react";
import { useEffect } from "react";
import { Keyboard } from "../palette/Keyboard";
import { logOut, useUser } from "../session";
import { Button, IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import { Empty, Failure } from "../ui/Say";
import { sayFailure, Toasts } from "../ui/Toast";
import { useAnswers, watchServer } from "./answers";
import { Banner } from "./Banner";
import { useHeadingFocus } from "./focus";
import { Logo } from "./Logo";
import { Notices } from "./Notices";
import styles from "./Shell.module.css";
import { chooseTheme, useTheme, type Theme } from "./theme";
import { isMissingPart } from "./updated";

/** What is around every screen: where one is, where one can go, who one is. */
export function Shell() {
  useEffect(watchServer, []);
  useEndOfSession();
  useHeadingFocus();
  return (
    <div className={styles.shell}>
      <a href="#main" className={styles.skip}>
        Skip to the content
      </a>
      <header className={styles.bar}>
        <Link to="/applications" className={styles.brand} aria-label="Hawser: all applications">
          <Logo />
          <span>Hawser</span>
        </Link>
        <nav className={styles.nav} aria-label="Main">
          <Link to="/applications" activeProps={{ "aria-current": "page" }}>
            <Layers aria-hidden />
            <span>Applications</span>
          </Link>
          <Link to="/settings" activeProps={{ "aria-current": "page" }}>
            <SettingsIcon aria-hidden />
            <span>Settings</span>
          </Link>
        </nav>
        <div className={styles.right}>
          <Keyboard />
          <UserMenu />
        </div>
      </header>
      <Notices />
      <Banner />
      <main id="main" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
      <Toasts />
    </div>
  );
}

/** Once the session has ended, wherever that is found out: to the login, and back here after it. */
function useEndOfSession() {
  const { ended } = useAnswers();
  const router = useRouter();
  const queries = useQueryClient();
  useEffect(() => {
    if (!ended) return;
    const here = router.latestLocation.href;
    queries.clear();
    // That the session has ended is told by the state of the history: an address could be written by anybody.
    void router.navigate({ to: "/login", search: here === "/applications" ? {} : { return_url: here }, state: (s) => ({ ...s, sessionEnded: true }), replace: true });
  }, [ended]);
}

declare module "@tanstack/history" {
  interface HistoryState {
    sessionEnded?: boolean;
  }
}

function UserMenu() {
  const user = useUser();
  const navigate = useNavigate();
  const chosen = useTheme();
  const themes: [Theme, string, typeof Sun][] = [
    ["system", "Light or dark by system", Monitor],
    ["light", "Light", Sun],
    ["dark", "Dark", Moon],
  ];
  if (user && !user.loggedIn) {
    return (
      <Button small icon={<LogIn />} onClick={() => navigate({ to: "/login" })}>
        Log in
      </Button>
    );
  }
  return (
    <Menu
      trigger={
        <IconButton label={`Account and settings of ${user?.username ?? "the reader"}`}>
          <UserRound />
        </IconButton>
      }
      choices={[
        { label: `${user?.username ?? "You"}: what may I do?`, icon: <UserRound />, onSelect: () => navigate({ to: "/user-info" }) },
        { label: "Help and keyboard shortcuts", icon: <CircleHelp />, onSelect: () => navigate({ to: "/help" }) },
        "line",
        ...themes.map(([value, label, Icon]) => ({ label: value === chosen ? label + " ✓" : label, icon: <Icon />, onSelect: () => chooseTheme(value) })),
        "line",
        { label: "Log out", icon: <LogOut />, onSelect: () => void logOut().catch((e) => sayFailure("log out", e)) },
      ]}
    />
  );
}

/** For an address that leads nowhere. */
export function Lost() {
  return (
    <Empty title="There is no such screen">
      <p>
        The address leads nowhere. All that there is begins at the <Link to="/applications">applications</Link>.
      </p>
    </Empty>
  );
}

/** For what the page cannot show at all. */
export function Oops({ error, reset }: ErrorComponentProps) {
  if (isMissingPart(error)) {
    return (
      <Empty title="Hawser was updated">
        <p>This screen belongs to the new version, and the page in your browser to the one before.</p>
        <Button look="primary" onClick={() => window.location.reload()}>
          Reload
        </Button>
      </Empty>
    );
  }
  return <Failure error={error} doing="show this screen" onRetry={reset} />;
}

/** The name of the screen, for the window and for screen readers. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Hawser`;
  }, [title]);
}
