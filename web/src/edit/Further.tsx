import { Plus, Trash2 } from "lucide-react";
import type { ResourceIgnoreDifferences } from "../types";
import { Button, IconButton } from "../ui/Button";
import { Lines, More, NamedValues, Section, Text, useForm } from "./form";
import styles from "./Edit.module.css";

const ignored = ["spec", "ignoreDifferences"];

/** What most applications never need. */
export function Further() {
  const { get, set } = useForm();
  const rules = get<ResourceIgnoreDifferences[]>(ignored);
  const list = Array.isArray(rules) ? rules : [];
  const info = get<unknown[]>(["spec", "info"]);
  return (
    <Section title="More">
      <More title={list.length > 0 ? `Ignored differences: ${list.length}` : "Ignored differences"} open={list.length > 0}>
        <p className={styles.hint}>Fields that others look after: a difference in them does not make the application OutOfSync.</p>
        {list.map((r, i) => (
          <fieldset key={i} className={styles.card}>
            <legend>
              {r?.kind || "Objects"} {r?.name}
            </legend>
            <IconButton className={styles.cardRemove} label={`Remove ignored difference ${i + 1}`} onClick={() => set(ignored, list.length > 1 ? list.filter((_, j) => j !== i) : undefined)}>
              <Trash2 />
            </IconButton>
            <div className={styles.pair}>
              <Text path={[...ignored, i, "group"]} label="Group" placeholder="apps" />
              <Text path={[...ignored, i, "kind"]} label="Kind" placeholder="Deployment" keep />
              <Text path={[...ignored, i, "name"]} label="Name" placeholder="all of them" />
              <Text path={[...ignored, i, "namespace"]} label="Namespace" placeholder="all of them" />
            </div>
            <Lines path={[...ignored, i, "jsonPointers"]} label="JSON pointers" placeholder="/spec/replicas" hint="One a line." />
            <Lines path={[...ignored, i, "jqPathExpressions"]} label="jq path expressions" placeholder={'.spec.template.spec.containers[] | select(.name == "sidecar")'} hint="One a line." />
            <Lines path={[...ignored, i, "managedFieldsManagers"]} label="Field managers" placeholder="kube-controller-manager" hint="Everything that these hold. One a line." />
          </fieldset>
        ))}
        <Button small icon={<Plus />} onClick={() => set(ignored, [...list, { group: "apps", kind: "Deployment", jsonPointers: ["/spec/replicas"] }])}>
          Add an ignored difference
        </Button>
      </More>
      <More title="Info and history" open={!!info}>
        <NamedValues path={["spec", "info"]} label="Info" item="item" hint="Shown with the application: whom to call, where its handbook is." placeholders={["runbook", "https://…"]} />
        <Text path={["spec", "revisionHistoryLimit"]} label="Deployments to remember" numeric placeholder="10" hint="revisionHistoryLimit: how far a rollback can go." />
      </More>
    </Section>
  );
}
