import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check, CircleAlert, CircleHelp, Info } from "lucide-react";
import { useTheme } from "../shell/theme";
import { useTitle } from "../shell/Shell";
import { ApiError } from "../api";
import { accountsQuery, certsQuery, clustersQuery, credsQuery, keysQuery, projectsQuery, reposQuery } from "./data";
import { aboutAccounts, aboutCertificates, aboutClusters, aboutCredentials, aboutKeys, aboutProjects, aboutRepositories, type Glance } from "./glance";
import kit from "./kit.module.css";
import styles from "./Overview.module.css";
import { places, type PlacePath } from "./places";

/** All kinds of settings at a glance: how many there are, and whether they are well. */
export function Overview() {
  useTitle("Settings");
  const all: Record<PlacePath, Glance | "waiting" | "forbidden" | "failed"> = {
    repos: at(useQuery(reposQuery), aboutRepositories),
    repocreds: at(useQuery(credsQuery), aboutCredentials),
    projects: at(useQuery(projectsQuery), aboutProjects),
    clusters: at(useQuery(clustersQuery), aboutClusters),
    accounts: at(useQuery(accountsQuery), aboutAccounts),
    certs: at(useQuery(certsQuery), aboutCertificates),
    gpgkeys: at(useQuery(keysQuery), aboutKeys),
    appearance: { count: undefined, tone: "plain", words: { system: "Light or dark as the system has it", light: "Light", dark: "Dark" }[useTheme()] },
  };
  return (
    <div className={kit.screen}>
      <header className={kit.head}>
        <div>
          <h1>Settings</h1>
          <p className={kit.about}>What Hawser may deploy, from where and to where, and who may say so.</p>
        </div>
      </header>
      <ul className={styles.cards}>
        {places.map((p) => {
          const g = all[p.path];
          return (
            <li key={p.path} className={styles.card}>
              <p.icon aria-hidden className={styles.icon} />
              <div className={styles.top}>
                <h2>
                  <Link to="/settings/$section" params={{ section: p.path }}>
                    {p.title}
                  </Link>
                </h2>
                {typeof g === "object" && g.count !== undefined && <span className={styles.count}>{g.count}</span>}
              </div>
              <p className={styles.about}>{p.about}</p>
              <Hint glance={g} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Hint({ glance: g }: { glance: Glance | "waiting" | "forbidden" | "failed" }) {
  if (g === "waiting") return <p className={styles.plain} role="status">Looking…</p>;
  if (g === "forbidden") return <p className={styles.plain}><CircleHelp aria-hidden />You may not see these</p>;
  if (g === "failed") return <p className={styles.bad}><CircleAlert aria-hidden />Could not be loaded</p>;
  const Icon = { good: Check, bad: CircleAlert, plain: Info }[g.tone];
  return (
    <p className={styles[g.tone]}>
      <Icon aria-hidden />
      {g.words}
    </p>
  );
}

function at<T>(query: { data?: T[]; isError: boolean; error: unknown }, words: (all: T[]) => Glance) {
  if (query.data) return words(query.data);
  if (!query.isError) return "waiting";
  return query.error instanceof ApiError && query.error.status === 403 ? "forbidden" : "failed";
}
