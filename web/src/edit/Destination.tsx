import { option, withOption } from "./value";
import { Choose, Radios, Section, Text, useForm } from "./form";
import { Checkbox } from "../ui/Field";
import { useClusters } from "./known";
import { inCluster } from "./sentence";

/** Where the objects go. A cluster is named by its name or by the address of its API server. */
export function Destination() {
  const { get, change, set } = useForm();
  const clusters = useClusters();
  const to = get<{ name?: string; server?: string; namespace?: string }>(["spec", "destination"]) ?? {};
  const by = to.name !== undefined ? "name" : "server";
  const options = get<string[]>(["spec", "syncPolicy", "syncOptions"]);
  const known = clusters.some((c) => (by === "name" ? c.name === to.name : c.server === to.server));
  const turn = (way: string) =>
    change((now) => {
      const { name, server, ...rest } = now.spec?.destination ?? {};
      const c = clusters.find((c) => (name !== undefined ? c.name === name : c.server === server));
      const next = way === "name" ? { name: c?.name ?? (server === inCluster ? "in-cluster" : "") } : { server: c?.server ?? (name === "in-cluster" ? inCluster : "") };
      return { ...now, spec: { ...now.spec, destination: { ...next, ...rest } } };
    });
  const field = ["spec", "destination", by];
  const current = (by === "name" ? to.name : to.server) ?? "";
  return (
    <Section title="Destination" path={["spec", "destination"]}>
      {clusters.length > 0 ? (
        <Choose path={field} label="Cluster" value={current} onChange={(v) => set(field, v)}>
          {!known && <option value={current}>{current || "Choose a cluster"}</option>}
          {clusters.map((c) => {
            const value = (by === "name" ? c.name : c.server) ?? "";
            return (
              <option key={c.server} value={value}>
                {c.name === c.server ? c.server : `${c.name} (${c.server})`}
              </option>
            );
          })}
        </Choose>
      ) : (
        <Text path={field} label="Cluster" keep hint={by === "name" ? "Its name. in-cluster is the one that Hawser runs in." : `The address of its API server. ${inCluster} is the one that Hawser runs in.`} />
      )}
      <Radios
        label="The record names it"
        value={by}
        onChange={turn}
        choices={[
          { value: "server", label: "by the address of its API server" },
          { value: "name", label: "by its name: another cluster may take it over" },
        ]}
      />
      <Text path={["spec", "destination", "namespace"]} label="Namespace" keep placeholder="web" hint="For objects that name none themselves." />
      <Checkbox
        label="Create the namespace if it is missing"
        hint="CreateNamespace=true"
        checked={option(options, "CreateNamespace") === "true"}
        onChange={(e) => set(["spec", "syncPolicy", "syncOptions"], withOption(options, "CreateNamespace", e.target.checked ? "true" : undefined))}
      />
    </Section>
  );
}
