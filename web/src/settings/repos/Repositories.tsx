import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { GitBranch, Pencil, Plus, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { get, path, send } from "../../api";
import { useMay } from "../../session";
import type { ConnectionState, Repository, RepositoryList } from "../../types";
import { Button } from "../../ui/Button";
import { Copy } from "../../ui/Copy";
import { Dialog } from "../../ui/Dialog";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { Lasting, Time } from "../../ui/Time";
import { say, sayFailure } from "../../ui/Toast";
import { changed, reposQuery, useAnywhere, useMayAny } from "../data";
import { Confirm, Facts, Find, found, Note, Screen, Table, useSettingsSearch, useShow } from "../kit";
import kit from "../kit.module.css";
import type { PlaceProps } from "../Settings";
import { Word } from "../Word";
import { RepositoryForm } from "./RepositoryForm";
import { connection, loginWords, scoped, typeWords } from "./repository";

/** All repositories that are registered, and whether they let us in. */
export function Repositories({ place }: PlaceProps) {
  const queries = useQueryClient();
  const list = useQuery(reposQuery);
  const { form, of, project, find } = useSettingsSearch();
  const show = useShow();
  const mayCreate = useMayAny("repositories", "create", useAnywhere());
  const [asking, setAsking] = useState(false);
  const close = () => show({ form: undefined, of: undefined, project: undefined });
  const one = of === undefined ? undefined : list.data?.find((r) => r.repo === of && (r.project ?? "") === (project ?? ""));
  const rows = list.data?.filter((r) => found(find, r.repo, r.name, r.project, r.type));

  const askAgain = async () => {
    setAsking(true);
    try {
      const fresh = await get<RepositoryList>("/api/v1/repositories", { forceRefresh: true });
      queries.setQueryData(reposQuery.queryKey, fresh.items ?? []);
    } catch (e) {
      sayFailure("connect to the repositories", e);
    } finally {
      setAsking(false);
    }
  };
  const add = mayCreate && (
    <Button look="primary" icon={<Plus />} onClick={() => show({ form: "new" })}>
      Add repository
    </Button>
  );
  return (
    <Screen
      place={place}
      actions={
        !!list.data?.length && (
          <>
            <Button icon={<RefreshCw />} busy={asking && "Connecting…"} onClick={() => void askAgain()}>
              Connect again
            </Button>
            {add}
          </>
        )
      }
    >
      {list.isPending && <Waiting>Connecting to the repositories</Waiting>}
      {list.isError && <Failure error={list.error} doing="see the repositories" onRetry={() => list.refetch()} />}
      {list.data?.length === 0 && (
        <Empty title="No repository is registered" icon={<GitBranch />}>
          <p>
            A public repository need not be: an application names it, and that is all. Register what needs a login, a proxy or a certificate; or one login for many, as a{" "}
            <Link to="/settings/$section" params={{ section: "repocreds" }}>
              credential template
            </Link>
            .
          </p>
          {add}
        </Empty>
      )}
      {!!list.data?.length && (
        <>
          <Find what="a repository" />
          <Table
            label={place.title}
            rows={rows!}
            id={(r) => `${r.project} ${r.repo}`}
            columns={[
              {
                head: "Repository",
                wide: true,
                cell: (r) => (
                  <>
                    <Link to="." search={(s: object) => ({ ...s, of: r.repo, project: r.project })}>
                      {r.repo}
                    </Link>
                    {r.name && <div className={kit.note}>{r.name}</div>}
                  </>
                ),
              },
              { head: "Kind", cell: (r) => typeWords(r.type, r.enableOCI) },
              { head: "Project", cell: (r) => r.project || <span className={kit.none}>all</span> },
              { head: "Connection", cell: (r) => <Connection state={r.connectionState} what="repository" /> },
            ]}
          />
          {rows!.length === 0 && <Note>No repository has these words.</Note>}
        </>
      )}
      {mayCreate && form === "new" && <RepositoryForm onClose={close} />}
      {one && !form && <Shown of={one} onClose={close} onEdit={() => show({ form: "edit" })} onRemove={() => show({ form: "remove" })} />}
      {one && form === "edit" && <RepositoryForm of={one} onClose={() => show({ form: undefined })} />}
      {one && form === "remove" && (
        <Confirm
          title="Remove repository"
          verb="Remove repository"
          verbing="Removing…"
          doing="remove the repository"
          onClose={() => show({ form: undefined })}
          onConfirm={async () => {
            await send("DELETE", path`/api/v1/repositories/${one.repo ?? ""}`, undefined, { appProject: one.project });
            await changed(queries, "repos");
            say(`${one.repo} is no longer registered.`);
            close();
          }}
        >
          <p>
            <strong>{one.repo}</strong> is forgotten with its login. Applications that come from it keep running, and no longer follow it unless it can be reached without.
          </p>
        </Confirm>
      )}
    </Screen>
  );
}

/** Whether something answers, and when it was last asked. */
export function Connection({ state, what }: { state?: ConnectionState; what: "repository" | "cluster" }) {
  const c = connection(state, what);
  return (
    <>
      <Word tone={c.tone} title={c.why}>
        {c.words}
      </Word>
      {state?.attemptedAt && (
        <div className={kit.note}>
          {what === "cluster" ? <>for <Lasting since={state.attemptedAt} /></> : <>asked <Time at={state.attemptedAt} /></>}
        </div>
      )}
    </>
  );
}

function Shown({ of: r, onClose, onEdit, onRemove }: { of: Repository; onClose: () => void; onEdit: () => void; onRemove: () => void }) {
  const object = scoped(r.project, r.repo ?? "");
  const mayUpdate = useMay("repositories", "update", object);
  const mayDelete = useMay("repositories", "delete", object);
  const c = connection(r.connectionState, "repository");
  return (
    <Dialog
      title={r.name || "Repository"}
      place="side"
      onClose={onClose}
      actions={
        <>
          {mayDelete && <Button look="danger" icon={<Trash2 />} onClick={onRemove}>Remove</Button>}
          {mayUpdate && <Button icon={<Pencil />} onClick={onEdit}>Edit</Button>}
          <Button look="primary" onClick={onClose}>Close</Button>
        </>
      }
    >
      <div className={kit.form}>
        <Facts
          of={[
            ["Address", <><code>{r.repo}</code> <Copy text={r.repo ?? ""} label="Copy the address" /></>],
            ["Kind", typeWords(r.type, r.enableOCI)],
            ["Project", r.project || "all that permit it"],
            ["Login", loginWords(r)],
            ["Connection", <Connection state={r.connectionState} what="repository" />],
            ["Trust", (r.insecure && "The server's certificate is not checked") || (r.insecureIgnoreHostKey && "The server's host key is not checked")],
            ["Proxy", r.proxy],
            ["Not by the proxy", r.noProxy],
            ["Large files", r.enableLfs && "Fetched (Git LFS)"],
            ["Depth of fetches", r.depth ? String(r.depth) : undefined],
          ]}
        />
        {c.why && r.connectionState?.status === "Failed" && <Failure error={c.why} doing="connect to it" />}
        <p>
          <Link to="/applications" search={{ repo: [r.repo ?? ""] }}>
            Applications from this repository
          </Link>
        </p>
        {mayUpdate === false && mayDelete === false && <Note>You can look at this repository, but not change it.</Note>}
      </div>
    </Dialog>
  );
}
