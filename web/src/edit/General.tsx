import { useSettings } from "../session";
import { Checkbox } from "../ui/Field";
import { Choose, More, Pairs, Section, Text, useForm } from "./form";
import { useMayCreateIn, useProjects } from "./known";

const finalizer = "resources-finalizer.argocd.argoproj.io";

/** Who the application is: its name, its project, and what is noted on it. */
export function General() {
  const { existing, get, set } = useForm();
  const anywhere = useSettings()?.appsInAnyNamespaceEnabled;
  const meta = get<{ labels?: object; annotations?: object }>(["metadata"]);
  const finalizers = get<string[]>(["metadata", "finalizers"]) ?? [];
  return (
    <Section title="Application">
      {!existing && <Text path={["metadata", "name"]} label="Name" hint="Lower case letters, digits and -, unique in its namespace." placeholder="web" keep />}
      <Project />
      {!existing && anywhere && <Text path={["metadata", "namespace"]} label="Namespace of the record" hint="Where the Application itself is kept. Its objects go to the destination." />}
      <More title="Labels, annotations, deletion" open={Object.keys(meta?.labels ?? {}).length > 0}>
        <Pairs path={["metadata", "labels"]} label="Labels" item="label" />
        <Pairs path={["metadata", "annotations"]} label="Annotations" item="annotation" hint="Notifications are subscribed to, and links are added, by annotations." />
        <Checkbox
          label="Delete its objects when the application is deleted"
          hint={`The finalizer ${finalizer}. Without it, the objects stay in the cluster.`}
          checked={finalizers.includes(finalizer)}
          onChange={(e) => {
            const next = e.target.checked ? [...finalizers, finalizer] : finalizers.filter((f) => f !== finalizer);
            set(["metadata", "finalizers"], next.length > 0 ? next : undefined);
          }}
        />
      </More>
    </Section>
  );
}

function Project() {
  const { get, existing } = useForm();
  const projects = useProjects();
  const name = get<string>(["metadata", "name"]);
  const namespace = get<string>(["metadata", "namespace"]);
  const control = useSettings()?.controllerNamespace;
  const chosen = get<string>(["spec", "project"]) ?? "";
  const names = projects.map((p) => p.metadata?.name ?? "").filter(Boolean);
  // A name may be permitted where not all names are.
  const place = namespace && control && namespace !== control ? `${namespace}/` : "";
  const may = useMayCreateIn(existing ? [] : names, (p) => `${p}/${place}${name || "*"}`);
  if (names.length === 0) return <Text path={["spec", "project"]} label="Project" hint="What the application may come from and go to. Which projects there are is not told to you." keep />;
  const all = chosen && !names.includes(chosen) ? [chosen, ...names] : names;
  const permitted = all.filter((p) => may[p] !== false);
  const others = all.filter((p) => may[p] === false);
  const about = projects.find((p) => p.metadata?.name === chosen)?.spec?.description;
  return (
    <Choose path={["spec", "project"]} label="Project" hint={about || "Says what the application may come from and go to."}>
      {!chosen && <option value="">Choose a project</option>}
      {permitted.map((p) => (
        <option key={p}>{p}</option>
      ))}
      {others.length > 0 && (
        <optgroup label="You may not create there">
          {others.map((p) => (
            <option key={p} disabled={p !== chosen}>
              {p}
            </option>
          ))}
        </optgroup>
      )}
    </Choose>
  );
}
