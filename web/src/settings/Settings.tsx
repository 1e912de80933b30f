import { Link, useParams } from "@tanstack/react-router";
import { lazy, Suspense, type ComponentType } from "react";
import { Empty, Waiting } from "../ui/Say";
import { Overview } from "./Overview";
import { placeOf, places, type Place, type PlacePath } from "./places";
import styles from "./Settings.module.css";

/** What a screen is given: its place, and the item that its address names. */
export interface PlaceProps {
  place: Place;
  item?: string;
}

const screens: Record<PlacePath, ComponentType<PlaceProps>> = {
  repos: lazy(() => import("./repos/Repositories").then((m) => ({ default: m.Repositories }))),
  repocreds: lazy(() => import("./repos/Credentials").then((m) => ({ default: m.Credentials }))),
  projects: lazy(() => import("./projects/Projects").then((m) => ({ default: m.Projects }))),
  clusters: lazy(() => import("./clusters/Clusters").then((m) => ({ default: m.Clusters }))),
  accounts: lazy(() => import("./accounts/Accounts").then((m) => ({ default: m.Accounts }))),
  certs: lazy(() => import("./certs/Certificates").then((m) => ({ default: m.Certificates }))),
  gpgkeys: lazy(() => import("./gpgkeys/GpgKeys").then((m) => ({ default: m.GpgKeys }))),
  appearance: lazy(() => import("./Appearance").then((m) => ({ default: m.Appearance }))),
};

/** The settings: an overview, and a screen for each kind of thing. */
export function Settings() {
  const { section, item } = useParams({ strict: false }) as { section?: string; item?: string };
  const place = placeOf(section);
  const Content = place && screens[place.path as PlacePath];
  return (
    <div className={styles.settings}>
      <nav className={styles.side} aria-label="Settings">
        <ul>
          {places.map((p) => (
            <li key={p.path}>
              <Link to="/settings/$section" params={{ section: p.path }} activeProps={{ "aria-current": "page" }}>
                <p.icon aria-hidden />
                {p.title}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <div className={styles.content}>
        <Suspense fallback={<Waiting>Opening {place?.title ?? "the settings"}</Waiting>}>
          {Content ? (
            <Content key={item ?? ""} place={place} item={item} />
          ) : section === undefined ? (
            <Overview />
          ) : (
            <Empty title="There is no such setting">
              <p>
                Nothing is at <code>/settings/{section}</code>. See <Link to="/settings">all settings</Link>.
              </p>
            </Empty>
          )}
        </Suspense>
      </div>
    </div>
  );
}
