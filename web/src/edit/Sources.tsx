import { ArrowDown, ArrowUp, Plus, Trash2 } from "lucide-react";
import type { ApplicationSource, DraftSource } from "../types";
import { Button, IconButton } from "../ui/Button";
import { useSettled } from "../settled";
import { errorsOf, findingsAt } from "./findings";
import { Radios, Section, Text, useForm } from "./form";
import { useCharts, usePaths, useRefs, useRepositories } from "./known";
import { Tool } from "./Tool";
import { sourceWords } from "./sentence";
import { moved, sourcesOf, withSources } from "./value";
import type { Path } from "./yaml";
import styles from "./Edit.module.css";

/** Where the manifests come from: one source, or several that are put together. */
export function Sources({ found }: { found: readonly DraftSource[] }) {
  const { value, change } = useForm();
  const list = sourcesOf(value);
  const to = (f: (l: ApplicationSource[]) => ApplicationSource[]) => change((now) => withSources(now, f(sourcesOf(now).map((s) => s.source))));
  const first = list[0]?.source;
  return (
    <>
      {list.map(({ source, path }, i) => (
        <Section
          key={i}
          title={list.length > 1 ? `Source ${i + 1} of ${list.length}` : "Source"}
          path={path}
          actions={
            list.length > 1 && (
              <span className={styles.sourceActions}>
                <IconButton label={`Move source ${i + 1} up`} disabled={i === 0} onClick={() => to((l) => moved(l, i, i - 1))}>
                  <ArrowUp />
                </IconButton>
                <IconButton label={`Move source ${i + 1} down`} disabled={i === list.length - 1} onClick={() => to((l) => moved(l, i, i + 1))}>
                  <ArrowDown />
                </IconButton>
                <IconButton label={`Remove source ${i + 1}: ${sourceWords(source)}`} onClick={() => to((l) => l.filter((_, j) => j !== i))}>
                  <Trash2 />
                </IconButton>
              </span>
            )
          }
        >
          <Source source={source} path={path} found={found[i]} several={list.length > 1} />
        </Section>
      ))}
      <SourcesAsAWhole />
      <div className={styles.add}>
        <Button small icon={<Plus />} onClick={() => to((l) => [...l, { repoURL: first?.repoURL ?? "", path: "", targetRevision: first?.chart ? "HEAD" : (first?.targetRevision ?? "HEAD") }])}>
          Add a source
        </Button>
        <span className={styles.hint}>Several sources become one application: of an object that comes twice, the last one counts.</span>
      </div>
    </>
  );
}

function SourcesAsAWhole() {
  const { findings } = useForm();
  return findingsAt(findings, ["spec", "sources"]).map((f, i) => (
    <p key={i} className={f.warning ? styles.warning : styles.wrong} role="status">
      {f.message}
    </p>
  ));
}

function Source({ source, path, found, several }: { source: ApplicationSource; path: Path; found?: DraftSource; several: boolean }) {
  const { value, findings, change, get } = useForm();
  const project = value.spec?.project ?? "";
  const repositories = useRepositories();
  const isChart = source.chart !== undefined;
  const wrongRepo = errorsOf(findingsAt(findings, [...path, "repoURL"])).length > 0;
  const repo = useSettled(source.repoURL && !wrongRepo ? source.repoURL : undefined, 700);
  const refs = useRefs(isChart ? undefined : repo, project);
  const paths = usePaths(isChart ? undefined : repo, useSettled(source.targetRevision, 700), project, useSettled(value.metadata?.name ?? "", 700));
  const charts = useCharts(isChart ? repo : undefined, project);

  const kind = (to: string) =>
    change((now) => {
      const swap = (s: ApplicationSource): ApplicationSource => {
        const { path: p, chart, ...rest } = s;
        return to === "chart" ? { ...rest, chart: chart ?? "", targetRevision: "" } : { ...rest, path: p ?? "", targetRevision: "HEAD" };
      };
      return withSources(now, sourcesOf(now).map((s) => (String(s.path) === String(path) ? swap(s.source) : s.source)));
    });

  const known = repositories.filter((r) => ((r.type ?? "git") === "helm") === isChart || r.enableOCI).map((r) => r.repo ?? "");
  return (
    <>
      <Radios
        label="Manifests come from"
        value={isChart ? "chart" : "git"}
        onChange={kind}
        choices={[
          { value: "git", label: "a path in a Git repository" },
          { value: "chart", label: "a chart in a Helm repository" },
        ]}
      />
      <Text path={[...path, "repoURL"]} label="Repository" keep placeholder={isChart ? "https://charts.example.com" : "https://git.example.com/team/deploy.git"} suggest={known} hint={known.length > 0 ? "One that is known, or any other address." : undefined} />
      <div className={styles.pair}>
        {isChart ? (
          <>
            <Text path={[...path, "chart"]} label="Chart" keep suggest={charts?.map((c) => c.name ?? "")} placeholder="redis" />
            <Text path={[...path, "targetRevision"]} label="Version" keep suggest={charts?.find((c) => c.name === source.chart)?.versions} placeholder="1.2.3 or 1.x" hint="One version, or a range that follows new ones." />
          </>
        ) : (
          <>
            <Text path={[...path, "targetRevision"]} label="Revision" keep suggest={["HEAD", ...(refs?.branches ?? []), ...(refs?.tags ?? [])]} placeholder="HEAD" hint={refs ? `${count(refs.branches?.length ?? 0, "branch", "branches")} and ${count(refs.tags?.length ?? 0, "tag", "tags")} to choose from.` : "A branch, a tag or a commit."} />
            <Text path={[...path, "path"]} label="Path" keep suggest={paths?.map((p) => p.path ?? "")} placeholder="services/web" hint={paths && paths.length > 0 ? `${count(paths.length, "chart or kustomization", "charts and kustomizations")} found. A folder of plain manifests works, too.` : "A folder in the repository; . is its root."} />
          </>
        )}
      </div>
      {(several || get([...path, "ref"]) !== undefined) && (
        <Text path={[...path, "ref"]} label="Name for other sources" placeholder="values" hint="Other sources can then use its files: $values/path/to/values.yaml. Without a path, it only lends files." />
      )}
      <Tool source={source} path={path} found={found} />
    </>
  );
}

export const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
