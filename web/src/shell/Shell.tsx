import { Link, Outlet, useNavigate, type ErrorComponentProps } from "@tanstack/react-router";
import { CircleHelp, Layers, LogIn, LogOut, Monitor, Moon, Settings as SettingsIcon, Sun, UserRound } from "lucide-react";
import { useEffect, useState } from "react";
import { logOut, useUser } from "../session";
import { Button, IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import { Empty, Failure } from "../ui/Say";
import { sayFailure, Toasts } from "../ui/Toast";
import { Banner } from "./Banner";
import { Logo } from "./Logo";
import styles from "./Shell.module.css";
import { chooseTheme, theme, type Theme } from "./theme";

/** What is around every screen: where one is, where one can go, who one is. */
export function Shell() {
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
          <UserMenu />
        </div>
      </header>
      <Banner />
      <main id="main" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
      <Toasts />
    </div>
  );
}

function UserMenu() {
  const user = useUser();
  const navigate = useNavigate();
  const [chosen, setChosen] = useState(theme);
  useEffect(() => chooseTheme(chosen), [chosen]);
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
        ...themes.map(([value, label, Icon]) => ({ label: value === chosen ? label + " ✓" : label, icon: <Icon />, onSelect: () => setChosen(value) })),
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
  return <Failure error={error} doing="show this screen" onRetry={reset} />;
}

/** The name of the screen, for the window and for screen readers. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Hawser`;
  }, [title]);
}
