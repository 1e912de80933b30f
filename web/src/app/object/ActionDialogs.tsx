// The questions before something is done with an object: what will happen, and how.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { path, send } from "../../api";
import { Note } from "../../diff/ObjectDiff";
import type { Application, AppName, ApplicationSyncRequest, ResourceAction, ResourceActionRunRequestV2 } from "../../types";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Checkbox, TextField } from "../../ui/Field";
import { Failure } from "../../ui/Say";
import { say } from "../../ui/Toast";
import { useShow } from "../ApplicationPage";
import { appKey, of } from "../data";
import { named } from "./data";
import { afterwards, at, holds, type Facts } from "./facts";
import { doing, title } from "./words";
import type { Obj } from "../../yaml/text";
import { nodeOf } from "../search";
import styles from "./Actions.module.css";

interface Props {
  app: AppName;
  record: Application;
  facts: Facts;
  onClose: () => void;
}

const heals = (record: Application) => !!record.spec?.syncPolicy?.automated?.selfHeal && record.spec.syncPolicy.automated.enabled !== false;
const called = ({ key }: Facts) => `${key.kind} ${key.name}`;

export function RunAction({ app, record, facts, action, onClose }: Props & { action: ResourceAction }) {
  const queries = useQueryClient();
  const { key } = facts;
  const live = queries.getQueriesData<Obj>({ queryKey: [...appKey(app), "live", nodeOf(key)] }).at(-1)?.[1];
  const [values, setValues] = useState<Record<string, string>>(() => Object.fromEntries((action.params ?? []).map((p) => [p.name!, p.name === "replicas" ? String(at(live, "spec", "replicas") ?? "") : ""])));
  const name = title(action.name!, action.displayName);
  const run = useMutation({
    mutationFn: () =>
      send("POST", path`/api/v1/applications/${app.name}/resource/actions/v2`, {
        ...named(app, key, facts.version),
        name: app.name,
        action: action.name,
        resourceActionParameters: Object.entries(values).map(([name, value]) => ({ name, value })),
      } satisfies ResourceActionRunRequestV2),
    onSuccess: () => {
      say(`${name}: done with ${called(facts)}`);
      onClose();
    },
  });
  return (
    <Ask
      title={`${name} ${called(facts)}?`}
      onClose={onClose}
      onSubmit={() => run.mutate()}
      error={run.error}
      doing={`${name.toLowerCase()} ${called(facts)}`}
      button={
        <Button type="submit" look="primary" busy={run.isPending && "Running…"} disabled={Object.values(values).some((v) => v === "")}>
          {name}
        </Button>
      }
    >
      <p>{doing(key.group, key.kind, action.name!) ?? `Runs the action “${action.name}” on it, as the settings of this installation define it.`}</p>
      {(action.params ?? []).map((p) => (
        <TextField key={p.name} label={title(p.name!)} inputMode={p.name === "replicas" ? "numeric" : undefined} value={values[p.name!] ?? ""} onChange={(e) => setValues({ ...values, [p.name!]: e.target.value })} required />
      ))}
      {heals(record) && facts.status && (
        <Note icon={<TriangleAlert />} title="Self-heal is on">
          What the action changes in fields that Git speaks about is put back at once.
        </Note>
      )}
    </Ask>
  );
}

type Way = "foreground" | "force" | "orphan";
const ways: [Way, string, string][] = [
  ["foreground", "With what it owns", "What it owns is deleted first, pods end in their time."],
  ["force", "By force", "At once and without a grace period: what runs in it may lose work."],
  ["orphan", "Leave what it owns", "Only the object goes; what it owned stays and belongs to nobody."],
];

export function DeleteObject({ app, record, facts, onClose }: Props) {
  const { key } = facts;
  const [way, setWay] = useState<Way>("foreground");
  const [typed, setTyped] = useState("");
  const why = holds(facts);
  const remove = useMutation({
    mutationFn: () => send("DELETE", path`/api/v1/applications/${app.name}/resource`, undefined, { ...named(app, key, facts.version), force: way === "force", orphan: way === "orphan" }),
    onSuccess: () => {
      say(`Deleting ${called(facts)}`);
      onClose();
    },
  });
  return (
    <Ask
      danger
      title={`Delete ${called(facts)}?`}
      onClose={onClose}
      onSubmit={() => remove.mutate()}
      error={remove.error}
      doing={`delete ${called(facts)}`}
      button={
        <Button type="submit" look="danger" busy={remove.isPending && "Deleting…"} disabled={!!why && typed !== key.name}>
          Delete {key.kind}
        </Button>
      }
    >
      <p>{afterwards(facts, heals(record))}</p>
      <fieldset className={styles.choices}>
        <legend>How</legend>
        {ways.map(([value, label, more]) => (
          <label key={value} className={styles.choice}>
            <input type="radio" name="way" value={value} checked={way === value} onChange={() => setWay(value)} />
            <span>
              {label}
              <small>{more}</small>
            </span>
          </label>
        ))}
      </fieldset>
      {why && (
        <>
          <Note icon={<TriangleAlert />} bad title="This may lose data for good">
            {why}
          </Note>
          <TextField label={`Type ${key.name} to delete it`} value={typed} onChange={(e) => setTyped(e.target.value)} autoComplete="off" spellCheck={false} />
        </>
      )}
    </Ask>
  );
}

export function SyncObject({ app, facts, onClose }: Props) {
  const show = useShow();
  const { key, status } = facts;
  const [dryRun, setDryRun] = useState(false);
  const [force, setForce] = useState(false);
  const [prune, setPrune] = useState(false);
  const gone = !!status?.requiresPruning;
  const sync = useMutation({
    mutationFn: () =>
      send("POST", path`/api/v1/applications/${app.name}/sync`, {
        ...of(app),
        name: app.name,
        dryRun,
        prune: gone && prune,
        resources: [{ group: key.group, kind: key.kind, name: key.name, namespace: key.namespace }],
        ...(force ? { strategy: { apply: { force: true } } } : {}),
      } satisfies ApplicationSyncRequest),
    onSuccess: () => {
      onClose();
      say(dryRun ? `Trying a sync of ${called(facts)}` : `Syncing ${called(facts)}`);
      show({ panel: "operation" });
    },
  });
  return (
    <Ask
      title={`Sync only ${called(facts)}?`}
      onClose={onClose}
      onSubmit={() => sync.mutate()}
      error={sync.error}
      doing={`sync ${called(facts)}`}
      button={
        <Button type="submit" look="primary" busy={sync.isPending && "Starting…"} disabled={gone && !prune}>
          {dryRun ? "Try it" : gone ? "Sync and delete it" : "Sync"}
        </Button>
      }
    >
      <p>
        {gone
          ? "Git does not have this object any more: a sync deletes it."
          : facts.missing
            ? "Creates it as Git says. The application's other objects stay as they are, and no hooks run."
            : "Gives it what Git says. The application's other objects stay as they are, and no hooks run."}
      </p>
      {gone && <Checkbox label="Prune: delete it" checked={prune} onChange={(e) => setPrune(e.target.checked)} />}
      <Checkbox label="Dry run" hint="Only asks the API server what would happen." checked={dryRun} onChange={(e) => setDryRun(e.target.checked)} />
      {!gone && <Checkbox label="Force" hint="Deletes and creates it where it cannot be changed, as with immutable fields." checked={force} onChange={(e) => setForce(e.target.checked)} />}
    </Ask>
  );
}

interface AskProps {
  title: string;
  onClose: () => void;
  onSubmit: () => void;
  children: ReactNode;
  button: ReactNode;
  error: unknown;
  doing: string;
  danger?: boolean;
}

function Ask({ title, onClose, onSubmit, children, button, error, doing, danger }: AskProps) {
  const form = useRef<HTMLFormElement>(null);
  // The dialog has opened by now, and the browser has chosen the cross. A question that deletes is not answered by Enter.
  useEffect(() => {
    const to = form.current!.querySelector<HTMLElement>("input[required]") ?? form.current!.querySelector<HTMLElement>("[data-answer] button:last-child:not(:disabled)") ?? form.current!.querySelector<HTMLElement>("button");
    to?.focus();
  }, []);
  return (
    <Dialog title={title} width="narrow" onClose={onClose}>
      <form
        ref={form}
        className={styles.form}
        onSubmit={(e) => {
          e.preventDefault();
          onSubmit();
        }}
      >
        {children}
        {!!error && <Failure error={error} doing={doing} />}
        <div className={styles.buttons} data-answer={danger ? undefined : true}>
          <Button onClick={onClose}>Cancel</Button>
          {button}
        </div>
      </form>
    </Dialog>
  );
}
