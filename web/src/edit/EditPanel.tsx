import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { GitBranch, TriangleAlert } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { ApiError, path, send } from "../api";
import type { PanelProps } from "../app/AppPanel";
import { appQuery, learn, policyObject, sourceOf } from "../app/data";
import type { AppSearch } from "../app/search";
import { useMay, useSettings } from "../session";
import type { Application } from "../types";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Failure } from "../ui/Say";
import { SafeLink } from "../ui/SafeLink";
import { Time } from "../ui/Time";
import { say } from "../ui/Toast";
import { Changes } from "./Changes";
import { useCheck, useDraft } from "./draft";
import { errorsOf, fieldName } from "./findings";
import { Leaving } from "./Leaving";
import { CopyMenu } from "./NewApplication";
import { verdict } from "./Preview";
import type { View } from "./search";
import { sourceWords } from "./sentence";
import { editable, ownerOf, patchOf } from "./start";
import { compareThree, takeOver, type Change } from "./value";
import { Workbench } from "./Workbench";
import { print, read, same } from "./yaml";
import styles from "./Edit.module.css";

/** Changes an application that there is. Somebody else's change meanwhile is told, and never overwritten. */
export function EditPanel({ app, record, onClose }: PanelProps) {
  const id = `${app.namespace}/${app.name}`;
  const theirs = useMemo(() => editable(record), [record]);
  const theirText = useMemo(() => print(theirs), [theirs]);
  const draft = useDraft(id, theirText);
  const base = useMemo(() => read(draft.began).value ?? theirs, [draft.began, theirs]);
  const control = useSettings()?.controllerNamespace ?? "argocd";
  const may = useMay("applications", "update", policyObject(record, control));
  const { tab } = useSearch({ from: "/inside/applications/$namespace/$name" });
  const navigate = useNavigate({ from: "/applications/$namespace/$name" });
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);

  const meanwhile = !same(base, theirs);
  // Whoever has written nothing sees the application as it is.
  useEffect(() => {
    if (meanwhile && !draft.dirty) draft.reset(theirText);
  }, [meanwhile, draft.dirty, theirText]);
  const merge = useMemo(() => compareThree(base, draft.value, theirs), [base, draft.value, theirs]);

  const changed = !same(draft.value, base);
  const check = useCheck(draft.value, true, changed && !draft.fault && may === true);
  const save = useMutation({
    mutationFn: () =>
      send<Application>("PATCH", path`/api/v1/applications/${app.name}`, { patch: JSON.stringify(patchOf(record, base, draft.value)), patchType: "json", appNamespace: app.namespace }),
    onSuccess: (now) => {
      draft.forget();
      learn(queries, app, now);
      say(`Saved ${app.name}`);
      onClose();
    },
    onError: (e) => {
      setAsking(false);
      if (isConflict(e)) void queries.invalidateQueries({ queryKey: appQuery(app).queryKey });
    },
  });

  const wrong = errorsOf(check.answer?.findings ?? []).length;
  const why =
    may === false
      ? `You may not update ${app.name}.`
      : draft.fault
        ? "The YAML cannot be read."
        : !changed
          ? "Nothing is changed."
          : meanwhile
            ? "Somebody else has changed it meanwhile: decide that first."
            : wrong > 0
              ? "Something is to be mended first."
              : undefined;
  const state = may === false ? ({ tone: "bad", words: "You may not update it" } as const) : verdict(check, draft.fault);
  // The new beginning is theirs; what I wrote stays, or takes in what only they changed.
  const goOn = (value: Application) => {
    draft.reset(theirText);
    draft.setValue(value);
  };
  return (
    <Dialog
      title={`Edit ${app.name}`}
      place="side"
      width="wide"
      onClose={onClose}
      actions={
        <>
          <span className={`${styles.verdict} ${changed || draft.fault ? styles[state.tone] : ""}`} role="status">
            {changed || draft.fault ? state.words : "Nothing is changed"}
          </span>
          <CopyMenu text={draft.text} />
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" disabled={!!why} title={why} onClick={() => setAsking(true)}>
            Review and save
          </Button>
        </>
      }
    >
      <Workbench
        draft={draft}
        check={check}
        existing
        now={record.status?.resources}
        view={(tab as View) === "yaml" || (tab as View) === "preview" ? (tab as View) : "form"}
        onView={(v) => void navigate({ search: (s: AppSearch) => ({ ...s, tab: v === "form" ? undefined : v }), replace: true })}
        notices={
          <>
            <Owned record={record} control={control} />
            {may === false && (
              <p className={styles.notice} role="status">
                You may look, but not update {app.name}.
              </p>
            )}
            {draft.restored !== undefined && draft.dirty && (
              <p className={styles.notice} role="status">
                <span>
                  This is your draft of <Time at={new Date(draft.restored).toISOString()} />.
                </span>
                <Button small onClick={() => draft.reset(theirText)}>
                  Throw it away
                </Button>
              </p>
            )}
            {meanwhile && draft.dirty && <Meanwhile theirs={merge.theirs} both={merge.both} onTake={() => goOn(takeOver(draft.value, merge.theirs))} onTheirs={() => goOn(takeOver(draft.value, [...merge.theirs, ...merge.both.map((c) => ({ ...c, after: c.before }))]))} />}
            {save.isError && !isConflict(save.error) && <Failure error={save.error} doing={`save ${app.name}`} />}
          </>
        }
      />
      {asking && (
        <Dialog
          title={`Save ${app.name}?`}
          width="normal"
          onClose={() => setAsking(false)}
          actions={
            <>
              <Button onClick={() => setAsking(false)}>Go on editing</Button>
              <Button look="primary" autoFocus busy={save.isPending && "Saving…"} onClick={() => save.mutate()}>
                Save
              </Button>
            </>
          }
        >
          <div className={styles.review}>
            <p>{record.spec?.syncPolicy?.automated || draft.value.spec?.syncPolicy?.automated ? "Hawser looks again at once, and syncs by itself what differs then." : "Hawser looks again at once. Nothing in the cluster changes until somebody syncs."}</p>
            <Changes before={print(base)} after={print(draft.value)} label="What changes" />
          </div>
        </Dialog>
      )}
      <Leaving isDirty={draft.isDirty} what={`changes of ${app.name}`} onDiscard={draft.forget} within={(to) => to.pathname.endsWith(`/${app.namespace}/${app.name}`) && to.search.panel === "edit"} />
    </Dialog>
  );
}

/** A test of the patch failed: what it was to change is not as it was. */
const isConflict = (e: unknown) => e instanceof ApiError && (e.status === 409 || /testing value|test failed/.test(e.message));

/** Somebody else has written meanwhile. */
function Meanwhile({ theirs, both, onTake, onTheirs }: { theirs: Change[]; both: Change[]; onTake: () => void; onTheirs: () => void }) {
  const clash = both.length > 0;
  return (
    <div className={styles.meanwhile} role="alert">
      <h3>
        <TriangleAlert aria-hidden /> Somebody else has changed the application meanwhile
      </h3>
      <ul>
        {theirs.map((c) => (
          <li key={fieldName(c.path)}>
            <code>{fieldName(c.path)}</code>: {brief(c.before)} → {brief(c.after)}
          </li>
        ))}
        {both.map((c) => (
          <li key={fieldName(c.path)}>
            <code>{fieldName(c.path)}</code>: theirs is {brief(c.before)}, <strong>yours is {brief(c.after)}</strong>
          </li>
        ))}
        {theirs.length + both.length === 0 && <li>They did what you did.</li>}
      </ul>
      <p className={styles.buttons}>
        <Button small look="primary" onClick={onTake}>
          {clash ? "Take over the rest, keep mine where both changed" : "Take it over"}
        </Button>
        {clash && (
          <Button small onClick={onTheirs}>
            Take over all, theirs where both changed
          </Button>
        )}
      </p>
    </div>
  );
}

function brief(v: unknown): string {
  if (v === undefined) return "nothing";
  const text = typeof v === "string" ? v : JSON.stringify(v);
  return text.length > 80 ? text.slice(0, 79) + "…" : text;
}

/** The record comes from Git itself: what is changed here is put back. */
function Owned({ record, control }: { record: Application; control: string }) {
  const owner = ownerOf(record, control);
  const parent = useQuery({ ...appQuery({ namespace: owner?.namespace ?? "", name: owner?.name ?? "" }), enabled: owner?.kind === "Application", retry: false });
  if (!owner) return null;
  const from = sourceOf(parent.data);
  return (
    <div className={styles.owned} role="note">
      <GitBranch aria-hidden />
      <p>
        <strong>Git will put it back.</strong>{" "}
        {owner.kind === "ApplicationSet" ? (
          <>This application is made by ApplicationSet {owner.name}: change its template instead.</>
        ) : (
          <>
            This application is itself an object of{" "}
            <Link to="/applications/$namespace/$name" params={{ namespace: owner.namespace, name: owner.name }}>
              {owner.name}
            </Link>
            {from ? (
              <>
                : change it in {sourceWords(from)} (<SafeLink to={from.repoURL}>{from.repoURL}</SafeLink>) instead.
              </>
            ) : (
              ": change it where that comes from instead."
            )}
          </>
        )}
      </p>
    </div>
  );
}
