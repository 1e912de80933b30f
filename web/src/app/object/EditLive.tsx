import { useMutation, useQueryClient } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { parse as parseYaml } from "yaml";
import { path, send } from "../../api";
import { Note } from "../../diff/ObjectDiff";
import { Leaving } from "../../edit/Leaving";
import { SideBySide } from "../../diff/SideBySide";
import type { Application, AppName } from "../../types";
import { Button } from "../../ui/Button";
import { Failure } from "../../ui/Say";
import { say } from "../../ui/Toast";
import { isObj, toYaml, type Json, type Obj } from "../../yaml/text";
import { appKey } from "../data";
import { nodeOf } from "../search";
import { named } from "./data";
import { editable, mergePatch, type Facts } from "./facts";
import styles from "./Manifest.module.css";

interface Props {
  app: AppName;
  record: Application;
  facts: Facts;
  live: Obj;
  onClose: () => void;
}

/** Changes the live object. Only what the reader changed is sent, so what others change meanwhile stays. */
export function EditLive({ app, record, facts, live, onClose }: Props) {
  const queries = useQueryClient();
  // What the edit began with: the live object goes on changing below.
  const [before] = useState(() => editable(live));
  const start = useMemo(() => toYaml(before), [before]);
  const [text, setText] = useState(start);
  const [checking, setChecking] = useState(false);
  const read = useMemo(() => readEdit(text, before), [text, before]);
  const heals = !!record.spec?.syncPolicy?.automated?.selfHeal && record.spec.syncPolicy.automated.enabled !== false;

  // What is written at this moment: a change that was made is left at once, before anything is drawn anew.
  const unsaved = useRef(false);
  unsaved.current = text !== start;

  const apply = useMutation({
    mutationFn: (patch: Json) =>
      // The patch is a text in the message.
      send("POST", path`/api/v1/applications/${app.name}/resource`, JSON.stringify(patch), { ...named(app, facts.key, facts.version), patchType: "application/merge-patch+json" }),
    onSuccess: () => {
      unsaved.current = false;
      say(`Changed ${facts.key.kind} ${facts.key.name}`);
      void queries.invalidateQueries({ queryKey: [...appKey(app), "live"] });
      onClose();
    },
  });

  return (
    <>
      <Note icon={<TriangleAlert />} title="Git will win">
        {facts.status && !facts.orphan
          ? heals
            ? "This changes the cluster and not Git. Self-heal is on: what differs from Git is put back at once."
            : "This changes the cluster and not Git. The application becomes OutOfSync, and the next sync puts back what Git says. To keep a change, commit it."
          : "This changes the cluster. What made the object may put its own values back."}
      </Note>
      {checking && read.patch !== undefined ? (
        <SideBySide left={start} right={text} leftTitle="Live, as the edit began" rightTitle="After your change" label="Your change" />
      ) : (
        <textarea className={styles.edit} aria-label={`Manifest of ${facts.key.kind} ${facts.key.name}`} spellCheck={false} autoCapitalize="off" value={text} aria-invalid={!!read.error || undefined} onChange={(e) => setText(e.target.value)} />
      )}
      {read.error && <p className={styles.error}>{read.error}</p>}
      {apply.isError && <Failure error={apply.error} doing="change the live object" />}
      <div className={styles.actions}>
        <Button onClick={onClose}>Cancel</Button>
        {checking && read.patch !== undefined ? (
          <>
            <Button onClick={() => setChecking(false)}>Go on editing</Button>
            <Button look="primary" busy={apply.isPending && "Changing…"} onClick={() => apply.mutate(read.patch!)}>
              Change the live object
            </Button>
          </>
        ) : (
          <Button look="primary" disabled={read.patch === undefined} title={read.patch === undefined && !read.error ? "Nothing is changed yet" : undefined} onClick={() => setChecking(true)}>
            Review the change
          </Button>
        )}
      </div>
      <Leaving isDirty={() => unsaved.current} what={`change of ${facts.key.kind} ${facts.key.name}`} within={({ pathname, search }) => pathname.endsWith(`/${app.namespace}/${app.name}`) && search.node === nodeOf(facts.key) && search.tab === "manifest.edit"} />
    </>
  );
}

function readEdit(text: string, before: Obj): { patch?: Json; error?: string } {
  let value: unknown;
  try {
    value = parseYaml(text, { maxAliasCount: 50, prettyErrors: true });
  } catch (e) {
    return { error: e instanceof Error ? e.message : String(e) };
  }
  if (!isObj(value)) return { error: "This is not an object: it needs apiVersion, kind and metadata." };
  const id = (o: Obj) => [o.apiVersion, o.kind, isObj(o.metadata) ? [o.metadata.name, o.metadata.namespace] : []].flat().join(" ");
  if (id(value) !== id(before)) return { error: "The apiVersion, kind, name and namespace say which object it is: they cannot be changed." };
  return { patch: mergePatch(before, value) };
}
