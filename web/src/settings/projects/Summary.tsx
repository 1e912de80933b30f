import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { get, path } from "../../api";
import type { AppProject, DetailedProjectsResponse } from "../../types";
import { Time } from "../../ui/Time";
import { Facts, Note, Part, Tags } from "../kit";
import styles from "./Project.module.css";
import { destinationInWords, kindInWords, kindsInWords, sourceInWords } from "./rules";

/** What the project permits, in words. */
export function Summary({ of: p }: { of: AppProject }) {
  const name = p.metadata?.name ?? "";
  const spec = p.spec ?? {};
  const detailed = useQuery({
    queryKey: ["settings", "projects", name, "detailed"],
    queryFn: ({ signal }) => get<DetailedProjectsResponse>(path`/api/v1/projects/${name}/detailed`, undefined, signal),
  }).data;
  const cluster = kindsInWords(spec, "cluster");
  const namespaced = kindsInWords(spec, "namespace");
  const orphans = spec.orphanedResources;
  const policies = spec.sourceIntegrity?.git?.policies;
  return (
    <div className={styles.summary}>
      {!!detailed?.globalProjects?.length && (
        <Note>
          It also inherits what{" "}
          {detailed.globalProjects.map((g, i) => (
            <span key={g.metadata?.name}>
              {i > 0 && ", "}
              <Link to="/settings/$section/$item" params={{ section: "projects", item: g.metadata?.name ?? "" }}>
                {g.metadata?.name}
              </Link>
            </span>
          ))}{" "}
          permits and forbids.
        </Note>
      )}
      <Part title="From where" about="Repositories that its applications may come from.">
        <Words of={(spec.sourceRepos ?? []).map(sourceInWords)} none="From nowhere: no repository is permitted." />
        {!!spec.sourceNamespaces?.length && (
          <div>
            <h3>Namespaces with records of its applications</h3>
            <Tags of={spec.sourceNamespaces} />
          </div>
        )}
      </Part>
      <Part title="To where" about="Clusters and namespaces that its applications may go to.">
        <Words of={(spec.destinations ?? []).map(destinationInWords)} none="To nowhere: no destination is permitted." />
        {spec.permitOnlyProjectScopedClusters && <Note>Only clusters that are registered for this project.</Note>}
      </Part>
      <Part title="What" about="Kinds of objects that may be deployed.">
        <Kinds {...cluster} />
        <Kinds {...namespaced} />
      </Part>
      <Part title="As whom, and what else">
        <Facts
          of={[
            [
              "Deployed as",
              spec.destinationServiceAccounts?.length ? (
                <Words of={spec.destinationServiceAccounts.map((a) => `service account ${a.defaultServiceAccount} for ${destinationInWords({ server: a.server, namespace: a.namespace }).replace(/^not: /, "")}`)} none="" />
              ) : (
                "Hawser's own account of the cluster"
              ),
            ],
            ["Orphaned resources", orphans ? `Watched${orphans.warn === false ? ", without a warning" : ", with a warning on the application"}` : "Not watched"],
            ["Never orphaned", orphans?.ignore?.length ? <Words of={orphans.ignore.map((k) => kindInWords(k))} none="" /> : undefined],
            ["Signatures", spec.signatureKeys?.length ? <>Commits must be signed by one of <Tags of={spec.signatureKeys.map((k) => k.keyID ?? "")} /></> : policies?.length ? undefined : "Not demanded"],
            ["Signatures by repository", policies?.length ? <Words of={policies.map((q) => `${(q.repos ?? []).map((r) => sourceInWords(r.url ?? "")).join(", ")}: ${q.gpg?.mode ?? "none"}${q.gpg?.keys?.length ? ` by ${q.gpg.keys.join(", ")}` : ""}`)} none="" /> : undefined],
            ["Labels", p.metadata?.labels && <Tags of={Object.entries(p.metadata.labels).map(([k, v]) => `${k}=${v}`)} />],
            ["Created", <Time at={p.metadata?.creationTimestamp as string | undefined} />],
          ]}
        />
      </Part>
      <Part title="Registered for this project alone">
        <Words of={[...(detailed?.repositories ?? []).map((r) => `repository ${r.repo}`), ...(detailed?.clusters ?? []).map((c) => `cluster ${c.name || c.server}`)]} none="No repository and no cluster is." />
      </Part>
      <p>
        <Link to="/applications" search={{ project: [name] }}>
          Applications of this project
        </Link>
      </p>
    </div>
  );
}

function Kinds({ words, kinds }: { words: string; kinds: string[] }) {
  return (
    <div>
      <p>{words + (kinds.length ? ":" : ".")}</p>
      <Tags of={kinds} />
    </div>
  );
}

export function Words({ of, none }: { of: string[]; none: string }) {
  if (of.length === 0) return <p>{none}</p>;
  return (
    <ul className={styles.words}>
      {of.map((w) => (
        <li key={w}>{w}</li>
      ))}
    </ul>
  );
}
