// What can be set in a source, by what renders it.
import { parseDocument } from "yaml";
import type { ApplicationSource, DraftSource } from "../types";
import { short } from "../app/data";
import { Area, Flag, Lines, More, NamedValues, Pairs, Text } from "./form";
import type { Path } from "./yaml";
import styles from "./Edit.module.css";

type Type = "Helm" | "Kustomize" | "Directory" | "Plugin";

/** What renders a source: as it says itself, or as the server has found out. */
export function typeOf(source: ApplicationSource, found?: DraftSource): Type | undefined {
  if (source.plugin) return "Plugin";
  if (source.helm || source.chart) return "Helm";
  if (source.kustomize) return "Kustomize";
  if (source.directory) return "Directory";
  return (found?.details?.type || found?.type || undefined) as Type | undefined;
}

const says: Record<Type, string> = {
  Helm: "A Helm chart",
  Kustomize: "A kustomization",
  Directory: "A folder of manifests",
  Plugin: "Rendered by a plugin",
};

export function Tool({ source, path, found }: { source: ApplicationSource; path: Path; found?: DraftSource }) {
  const type = typeOf(source, found);
  if (source.ref && !source.path && !source.chart) return null;
  if (!type) return <p className={styles.hint}>What can be set in it is shown here as soon as the source is found.</p>;
  const set = source[type.toLowerCase() as "helm" | "kustomize" | "directory" | "plugin"];
  return (
    <More
      title={
        <>
          {says[type]}
          {found?.revision && <span className={styles.hint}> at {short(found.revision)}</span>}: {set ? "settings" : "as it is, no settings"}
        </>
      }
      open={!!set}
    >
      {found?.problem && <p className={styles.warning}>{found.problem}</p>}
      {type === "Helm" && <Helm source={source} path={[...path, "helm"]} found={found} />}
      {type === "Kustomize" && <Kustomize path={[...path, "kustomize"]} found={found} />}
      {type === "Directory" && <Directory path={[...path, "directory"]} />}
      {type === "Plugin" && <Plugin path={[...path, "plugin"]} />}
    </More>
  );
}

function Helm({ source, path, found }: { source: ApplicationSource; path: Path; found?: DraftSource }) {
  const chart = found?.details?.helm;
  const defaults = Object.fromEntries((chart?.parameters ?? []).map((p) => [p.name ?? "", p.value ?? ""]));
  const fault = source.helm?.values ? parseDocument(source.helm.values).errors[0]?.message.split("\n")[0] : undefined;
  return (
    <>
      <Lines path={[...path, "valueFiles"]} label="Value files" hint="One a line, from the path of the chart. Later ones win." placeholder="values-production.yaml" offer={chart?.valueFiles?.filter((f) => f !== "values.yaml")} />
      <Flag path={[...path, "ignoreMissingValueFiles"]} label="Go on without value files that are missing" />
      {source.helm?.valuesObject !== undefined && <p className={styles.warning}>valuesObject is set, and wins over the values below. It is edited in the YAML.</p>}
      <Area path={[...path, "values"]} label="Values" hint={fault ? `This is no YAML: ${fault}` : "YAML, as in values.yaml. They win over the value files."} placeholder={"replicas: 3\nimage:\n  tag: \"1.2\""} />
      {chart?.values && (
        <details className={styles.peek}>
          <summary>The chart’s own values.yaml</summary>
          <pre tabIndex={0}>{chart.values}</pre>
        </details>
      )}
      <NamedValues path={[...path, "parameters"]} label="Parameters" item="parameter" hint="Single values, as with helm --set. They win over all values." names={Object.keys(defaults)} defaults={defaults} placeholders={["image.tag", "1.2"]} flag={{ field: "forceString", label: "as text" }} />
      <Text path={[...path, "releaseName"]} label="Release name" hint="The application’s name, where nothing else is said." />
      <Flag path={[...path, "skipCrds"]} label="Leave out the chart’s CRDs" />
      <Flag path={[...path, "passCredentials"]} label="Pass credentials to other domains" hint="Only for charts whose archives are kept elsewhere than the index." />
    </>
  );
}

function Kustomize({ path, found }: { path: Path; found?: DraftSource }) {
  const images = found?.details?.kustomize?.images ?? [];
  return (
    <>
      <Lines path={[...path, "images"]} label="Images" hint="One a line: name:tag, name=other:tag or name@digest." placeholder="registry.example.com/web:1.2" offer={images} />
      <div className={styles.pair}>
        <Text path={[...path, "namePrefix"]} label="Name prefix" placeholder="staging-" />
        <Text path={[...path, "nameSuffix"]} label="Name suffix" />
      </div>
      <Text path={[...path, "namespace"]} label="Namespace" hint="Set on every object by kustomize, before the destination’s counts." />
      <Pairs path={[...path, "commonLabels"]} label="Common labels" item="label" />
      <Flag path={[...path, "labelWithoutSelector"]} label="Leave selectors alone" hint="Otherwise common labels go into selectors, which cannot be changed later." />
      <Pairs path={[...path, "commonAnnotations"]} label="Common annotations" item="annotation" />
      <Lines path={[...path, "components"]} label="Components" hint="One path a line." />
    </>
  );
}

function Directory({ path }: { path: Path }) {
  return (
    <>
      <Flag path={[...path, "recurse"]} label="Look into folders, too" />
      <div className={styles.pair}>
        <Text path={[...path, "include"]} label="Only files that match" placeholder="{*.yml,*.yaml}" />
        <Text path={[...path, "exclude"]} label="Except files that match" placeholder="{test/*,*.md}" />
      </div>
      <NamedValues path={[...path, "jsonnet", "extVars"]} label="Jsonnet external variables" item="variable" flag={{ field: "code", label: "is code" }} />
      <NamedValues path={[...path, "jsonnet", "tlas"]} label="Jsonnet top-level arguments" item="argument" flag={{ field: "code", label: "is code" }} />
      <Lines path={[...path, "jsonnet", "libs"]} label="Jsonnet libraries" hint="One path a line." />
    </>
  );
}

function Plugin({ path }: { path: Path }) {
  return (
    <>
      <Text path={[...path, "name"]} label="Name" hint="Empty: the plugin that claims the folder." />
      <NamedValues path={[...path, "env"]} label="Environment" item="variable" />
      <p className={styles.hint}>Its parameters are edited in the YAML.</p>
    </>
  );
}
