import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Copy, Plus, Terminal } from "lucide-react";
import { useMemo } from "react";
import { send } from "../api";
import { appQuery, learn, policyObject } from "../app/data";
import { useMay, useSettings } from "../session";
import { useSettled } from "../settled";
import { useTitle } from "../shell/Shell";
import type { Application, AppName } from "../types";
import { Button } from "../ui/Button";
import { copy } from "../ui/clipboard";
import { Menu } from "../ui/Menu";
import { Failure, Waiting } from "../ui/Say";
import { Time } from "../ui/Time";
import { say } from "../ui/Toast";
import { useCheck, useDraft } from "./draft";
import { errorsOf } from "./findings";
import { Leaving } from "./Leaving";
import { verdict } from "./Preview";
import type { NewSearch } from "./search";
import { blank, command, copyOf, parseFrom } from "./start";
import { Workbench } from "./Workbench";
import { print } from "./yaml";
import styles from "./Edit.module.css";

/** The screen of a new application: from nothing, or like another (?from=namespace/name). */
export function NewApplication() {
  useTitle("New application");
  const { from } = useSearch({ from: "/inside/new" });
  const control = useSettings()?.controllerNamespace ?? "argocd";
  const model = parseFrom(from, control);
  return model ? <Like key={from} model={model} control={control} /> : <Writing key="blank" id="new" begin={blank(control)} control={control} />;
}

function Like({ model, control }: { model: AppName; control: string }) {
  const record = useQuery(appQuery(model));
  if (record.isPending) return <Waiting>Loading {model.name}</Waiting>;
  if (record.isError) return <Failure error={record.error} doing={`copy application ${model.name}`} onRetry={() => record.refetch()} />;
  return <Writing id={`new.${model.namespace}/${model.name}`} begin={print(copyOf(record.data))} control={control} model={model} />;
}

function Writing({ id, begin, control, model }: { id: string; begin: string; control: string; model?: AppName }) {
  const draft = useDraft(id, begin);
  const { view } = useSearch({ from: "/inside/new" });
  const navigate = useNavigate({ from: "/new" });
  const queries = useQueryClient();
  const object = useMemo(() => policyObject({ ...draft.value, metadata: { ...draft.value.metadata, name: draft.value.metadata?.name || "*" } }, control), [draft.value, control]);
  const may = useMay("applications", "create", useSettled(object, 500));
  const check = useCheck(draft.value, false, draft.dirty && !draft.fault && may === true);
  const create = useMutation({
    mutationFn: () => send<Application>("POST", "/api/v1/applications", draft.value),
    onSuccess: (made) => {
      draft.forget();
      const app = { namespace: made.metadata?.namespace ?? control, name: made.metadata?.name ?? "" };
      learn(queries, app, made);
      say(`Made ${app.name}`);
      void navigate({ to: "/applications/$namespace/$name", params: app });
    },
  });

  const wrong = errorsOf(check.answer?.findings ?? []).length;
  const why = draft.fault
    ? "The YAML cannot be read."
    : may === false
      ? `You may not create applications in project ${draft.value.spec?.project || "default"}.`
      : !draft.dirty
        ? "Nothing is written yet."
        : wrong > 0
          ? "Something is to be mended first."
          : undefined;
  const state = may === false ? ({ tone: "bad", words: "You may not create it" } as const) : verdict(check, draft.fault);
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <h1>{model ? `New application like ${model.name}` : "New application"}</h1>
        {draft.dirty && (
          <Button small look="quiet" onClick={() => draft.reset()}>
            Begin anew
          </Button>
        )}
      </header>
      <Workbench
        draft={draft}
        check={check}
        existing={false}
        view={view ?? "form"}
        onView={(v) => void navigate({ search: (s: NewSearch) => ({ ...s, view: v === "form" ? undefined : v }), replace: true })}
        notices={
          <>
            {draft.restored !== undefined && (
              <p className={styles.notice} role="status">
                <span>
                  This is your draft of <Time at={new Date(draft.restored).toISOString()} />.
                </span>
                <Button small onClick={() => draft.reset()}>
                  Throw it away
                </Button>
              </p>
            )}
            {may === false && (
              <p className={styles.notice} role="status">
                You may not create applications in project {draft.value.spec?.project || "default"}. Choose another, or hand the YAML to somebody who may.
              </p>
            )}
            {create.isError && <Failure error={create.error} doing="create the application" />}
          </>
        }
      />
      <footer className={styles.actions}>
        <span className={`${styles.verdict} ${styles[state.tone]}`} role="status">
          {draft.dirty ? state.words : "Nothing is written yet"}
        </span>
        <CopyMenu text={draft.text} />
        <Link to="/applications" className={styles.cancel}>
          Cancel
        </Link>
        <Button look="primary" icon={<Plus />} busy={create.isPending && "Creating…"} disabled={!!why} title={why} onClick={() => create.mutate()}>
          Create
        </Button>
      </footer>
      <Leaving isDirty={draft.isDirty} what="new application" onDiscard={draft.forget} within={(to) => to.pathname.endsWith("/new")} />
    </div>
  );
}

/** Other ways to make what is written. */
export function CopyMenu({ text }: { text: string }) {
  return (
    <Menu
      trigger={<Button icon={<Copy />}>Copy</Button>}
      choices={[
        { label: "The YAML", icon: <Copy />, onSelect: () => copy(text, "the YAML") },
        { label: "As kubectl apply", icon: <Terminal />, onSelect: () => copy(command("kubectl", text), "the command") },
        { label: "As hawser app create", icon: <Terminal />, onSelect: () => copy(command("hawser", text), "the command") },
      ]}
    />
  );
}
