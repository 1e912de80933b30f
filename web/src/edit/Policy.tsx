import { Checkbox, Select } from "../ui/Field";
import { Flag, More, Pairs, Radios, Section, Text, useForm } from "./form";
import { option, withOption } from "./value";
import styles from "./Edit.module.css";

const automated = ["spec", "syncPolicy", "automated"];
const optionsPath = ["spec", "syncPolicy", "syncOptions"];

/** Sync options that are on or not there, in Argo CD's words and in plain ones. */
const switches: { name: string; on: string; label: string; hint: string }[] = [
  { name: "ApplyOutOfSyncOnly", on: "true", label: "Apply only what is out of sync", hint: "Leaves alone what is as Git says. Faster with many objects." },
  { name: "PruneLast", on: "true", label: "Prune last", hint: "Deletes what Git drops after everything else is applied and healthy." },
  { name: "RespectIgnoreDifferences", on: "true", label: "Respect ignored differences when syncing", hint: "Fields under “Ignored differences” are left as they are live." },
  { name: "FailOnSharedResource", on: "true", label: "Fail on a shared object", hint: "Fails when an object belongs to another application already." },
  { name: "SkipDryRunOnMissingResource", on: "true", label: "Skip the dry run of kinds that are missing", hint: "For custom resources whose CRD comes in the same sync." },
  { name: "ServerSideApply", on: "false", label: "Apply on the client’s side", hint: "Compares three ways as kubectl apply does, instead of on the server." },
  { name: "Validate", on: "false", label: "Do not validate against the schema", hint: "Applies fields that the API server does not know." },
  { name: "Replace", on: "true", label: "Replace instead of apply", hint: "Overwrites whole objects. What others set in them is lost." },
  { name: "Force", on: "true", label: "Delete and create again what cannot be changed", hint: "Where a field is immutable. Interrupts what runs." },
];

/** When it syncs, and how. */
export function Policy() {
  const { get, set, change } = useForm();
  const auto = get<{ enabled?: boolean }>(automated);
  const on = auto !== undefined && auto !== null && auto.enabled !== false;
  const options = get<string[]>(optionsPath);
  const setOption = (name: string, value: string | undefined) => set(optionsPath, withOption(options, name, value));
  const retry = get<object>(["spec", "syncPolicy", "retry"]);
  const chosen = switches.filter((s) => option(options, s.name) === s.on).length + (option(options, "PrunePropagationPolicy") ? 1 : 0);
  return (
    <Section title="Sync policy" path={["spec", "syncPolicy"]}>
      <Radios
        label="Who syncs"
        value={on ? "auto" : "manual"}
        onChange={(v) =>
          change((now) => {
            const { automated: old, ...policy } = now.spec?.syncPolicy ?? {};
            if (v === "manual") return { ...now, spec: { ...now.spec, syncPolicy: Object.keys(policy).length > 0 ? policy : undefined } };
            const { enabled: _, ...kept } = old ?? {};
            return { ...now, spec: { ...now.spec, syncPolicy: { automated: kept, ...policy } } };
          })
        }
        choices={[
          { value: "manual", label: "Somebody does", hint: "Manual: Hawser shows what differs, and waits." },
          { value: "auto", label: "Hawser does, by itself", hint: "Automated: a new commit is applied as soon as it is seen." },
        ]}
      />
      {on && (
        <>
          <Flag path={[...automated, "prune"]} label="Prune what Git drops" hint="Deletes objects that are no longer in Git. Otherwise they stay, and the application is OutOfSync." />
          <Flag path={[...automated, "selfHeal"]} label="Heal what others change" hint="selfHeal: puts back what somebody changes in the cluster." />
          <Flag path={[...automated, "allowEmpty"]} label="Allow empty" hint="Prunes everything when Git holds no manifest. Otherwise that counts as a mistake." />
        </>
      )}
      <Checkbox
        label="Try again when a sync fails"
        checked={retry !== undefined && retry !== null}
        onChange={(e) => set(["spec", "syncPolicy", "retry"], e.target.checked ? { limit: 5, backoff: { duration: "5s", factor: 2, maxDuration: "3m" } } : undefined)}
      />
      {retry && (
        <div className={styles.quartet}>
          <Text path={["spec", "syncPolicy", "retry", "limit"]} label="Times" numeric />
          <Text path={["spec", "syncPolicy", "retry", "backoff", "duration"]} label="First pause" placeholder="5s" />
          <Text path={["spec", "syncPolicy", "retry", "backoff", "factor"]} label="Grows by" numeric placeholder="2" />
          <Text path={["spec", "syncPolicy", "retry", "backoff", "maxDuration"]} label="Longest pause" placeholder="3m" />
        </div>
      )}
      <More title={chosen > 0 ? `Sync options: ${chosen} set` : "Sync options"} open={chosen > 0}>
        {switches.map((s) => (
          <Checkbox
            key={s.name}
            label={s.label}
            hint={
              <>
                {s.hint} <code>{`${s.name}=${s.on}`}</code>
              </>
            }
            checked={option(options, s.name) === s.on}
            onChange={(e) => setOption(s.name, e.target.checked ? s.on : undefined)}
          />
        ))}
        <Select label="When something is pruned, what it owns is" hint={<code>PrunePropagationPolicy</code>} value={option(options, "PrunePropagationPolicy") ?? ""} onChange={(e) => setOption("PrunePropagationPolicy", e.target.value || undefined)}>
          <option value="">deleted first (foreground, the default)</option>
          <option value="foreground">deleted first (foreground)</option>
          <option value="background">deleted afterwards (background)</option>
          <option value="orphan">left alone (orphan)</option>
        </Select>
      </More>
      {option(options, "CreateNamespace") === "true" && (
        <More title="Labels and annotations of the namespace" open={get(["spec", "syncPolicy", "managedNamespaceMetadata"]) !== undefined}>
          <Pairs path={["spec", "syncPolicy", "managedNamespaceMetadata", "labels"]} label="Labels of the namespace" item="label" />
          <Pairs path={["spec", "syncPolicy", "managedNamespaceMetadata", "annotations"]} label="Annotations of the namespace" item="annotation" />
        </More>
      )}
    </Section>
  );
}
