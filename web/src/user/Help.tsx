import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { address, get } from "../api";
import { Shortcuts } from "../palette/ShortcutHelp";
import { useSettings } from "../session";
import { Facts, Part } from "../settings/kit";
import kit from "../settings/kit.module.css";
import { useTitle } from "../shell/Shell";
import type { VersionMessage } from "../types";
import { SafeLink, safe } from "../ui/SafeLink";
import { HealthMark, PhaseMark, SyncMark } from "../ui/Status";
import { Time } from "../ui/Time";
import styles from "./Help.module.css";

const words: { title: string; about: string; words: [mark: ReactNode, meaning: string][] }[] = [
  {
    title: "Sync: does the cluster have what Git says?",
    about: "Compared with one commit, which is named beside it.",
    words: [
      [<SyncMark of="Synced" />, "Every object is in the cluster as Git has it."],
      [<SyncMark of="OutOfSync" />, "Something differs: Git has moved on, or somebody changed the cluster. The diff says what, and by whom."],
      [<SyncMark of="Unknown" />, "It cannot be told: Git or the cluster cannot be reached, or the manifests cannot be rendered. Nothing is changed meanwhile."],
    ],
  },
  {
    title: "Health: does it work?",
    about: "The worst of its objects counts.",
    words: [
      [<HealthMark of="Healthy" />, "It works as it should."],
      [<HealthMark of="Progressing" />, "It is on its way: pods start, a rollout goes on."],
      [<HealthMark of="Degraded" />, "Something has failed, and will not come right by waiting."],
      [<HealthMark of="Suspended" />, "It is paused, and waits for somebody or for its time."],
      [<HealthMark of="Missing" />, "It is not in the cluster."],
      [<HealthMark of="Unknown" />, "Its health cannot be judged."],
    ],
  },
  {
    title: "Operation: what a sync has come to",
    about: "The last one, or the one that runs.",
    words: [
      [<PhaseMark of="Running" />, "Objects are being applied, or something is waited for; the operation says what."],
      [<PhaseMark of="Succeeded" />, "All was applied and every hook is done. Health may still be on its way."],
      [<PhaseMark of="Failed" />, "The cluster refused an object, or a hook failed."],
      [<PhaseMark of="Error" />, "It could not begin or go on: Git, the manifests or the cluster kept it from it."],
      [<PhaseMark of="Terminating" />, "Somebody stopped it; what has begun is brought to an end."],
    ],
  },
];

const ideas: [string, string][] = [
  ["Application", "Manifests from one or several sources, kept in one place of a cluster."],
  ["Project", "What applications may come from where, go where, and consist of; and who may do what with them."],
  ["Source", "A repository, a path or chart in it, and a revision: a branch, a tag or a commit."],
  ["Sync", "Makes the cluster what Git says: by hand, or by itself where the application is automated."],
  ["Refresh", "Compares now. A hard refresh renders the manifests anew as well."],
  ["Prune", "Deletes objects that Git no longer has. It is never done unless it is asked for or set."],
  ["Self heal", "Undoes what somebody changed in the cluster by hand."],
  ["Drift", "A difference that came from the cluster's side, not from Git."],
  ["Wave", "Objects with a lower number are applied, and must be healthy, before those with a higher one."],
  ["Hook", "A Job or another object that runs before, during or after a sync."],
];

/** What the words of the page mean, the shortcuts, and where there is more. */
export function Help() {
  useTitle("Help");
  const help = useSettings()?.help;
  const version = useQuery({ queryKey: ["version"], queryFn: ({ signal }) => get<VersionMessage>("/api/version", undefined, signal) }).data;
  const downloads = Object.entries(help?.binaryUrls ?? {}).filter(([, url]) => safe(url));
  return (
    <div className={styles.page}>
      <div className={kit.screen}>
        <header className={kit.head}>
          <div>
            <h1>Help</h1>
            <p className={kit.about}>What the words mean, how to be quick, and where there is more.</p>
          </div>
        </header>
        <div className={styles.columns}>
          <div className={styles.column}>
            {words.map((w) => (
              <Part key={w.title} title={w.title} about={w.about}>
                <dl className={styles.words}>
                  {w.words.map(([mark, meaning], i) => (
                    <div key={i}>
                      <dt>{mark}</dt>
                      <dd>{meaning}</dd>
                    </div>
                  ))}
                </dl>
              </Part>
            ))}
            <Part title="Other words">
              <dl className={styles.words}>
                {ideas.map(([word, meaning]) => (
                  <div key={word}>
                    <dt>
                      <strong>{word}</strong>
                    </dt>
                    <dd>{meaning}</dd>
                  </div>
                ))}
              </dl>
            </Part>
          </div>
          <div className={styles.column}>
            <Part title="Keyboard shortcuts">
              <Shortcuts />
            </Part>
            <Part title="More">
              <ul className={styles.more}>
                {safe(help?.chatUrl) && (
                  <li>
                    <SafeLink to={help?.chatUrl}>{help?.chatText || "Ask people"}</SafeLink>
                  </li>
                )}
                <li>
                  <a href={address("/swagger-ui")}>Description of the API</a>
                </li>
                {downloads.map(([platform, url]) => (
                  <li key={platform}>
                    <SafeLink to={url}>Command line for {platform}</SafeLink>
                  </li>
                ))}
                <li>
                  The commands <code>hawser</code> and <code>argocd</code> both work with this server.
                </li>
              </ul>
            </Part>
            <Part title="Version">
              <Facts
                of={[
                  ["Hawser", version?.Version],
                  ["Commit", version?.GitCommit && <code>{version.GitCommit}{version.GitTreeState === "dirty" ? ", with changes" : ""}</code>],
                  ["Built from", version?.BuildDate && <>a commit of <Time at={version.BuildDate} /></>],
                  ["Platform", version?.Platform],
                  ["Go", version?.GoVersion],
                  ["Helm", version?.HelmVersion],
                  ["Kustomize", version?.KustomizeVersion],
                  ["Jsonnet", version?.JsonnetVersion],
                  ["Kubernetes client", version?.KubectlVersion],
                ]}
              />
            </Part>
          </div>
        </div>
      </div>
    </div>
  );
}
