// What is known of one application. Two streams keep it fresh: one tells of the record, one of its objects.
import { queryOptions, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, get, path } from "../api";
import { useStream } from "../stream";
import type { Application, ApplicationTree, ApplicationWatchEvent, AppName, ManagedResourcesResponse, ResourceDiff, RevisionMetadata } from "../types";

/** Part of every request that is about one application. */
export const of = ({ namespace }: AppName) => ({ appNamespace: namespace });

export const appKey = (of: AppName) => ["app", of.namespace, of.name] as const;

export const appQuery = (app: AppName) =>
  queryOptions({
    queryKey: [...appKey(app), "record"],
    // While the question is on its way the stream may tell of a newer record, which must not be taken back by the answer.
    queryFn: async ({ signal, client }) => newest(await get<Application>(path`/api/v1/applications/${app.name}`, of(app), signal), client.getQueryData<Application>([...appKey(app), "record"])),
    staleTime: Infinity, // the stream tells
  });

/** Is one record of an application newer than another? Versions of one API server are numbers that grow. */
export function newer(a: Application, b: Application | undefined): boolean {
  const version = (x: Application | undefined) => Number(x?.metadata?.resourceVersion ?? 0);
  return version(a) >= version(b);
}

/** What was told, unless a newer record of the same application is known. */
const newest = (told: Application, known: Application | undefined) => (known && known.metadata?.uid === told.metadata?.uid && !newer(told, known) ? known : told);

/** Takes in a record that came as an answer to something that was done. */
export function learn(queries: QueryClient, app: AppName, told: Application): void {
  queries.setQueryData<Application>(appQuery(app).queryKey, (known) => newest(told, known));
}

export const treeQuery = (app: AppName) =>
  queryOptions({
    queryKey: [...appKey(app), "tree"],
    queryFn: async ({ signal, client, queryKey }) => {
      const told = () => client.getQueryState<ApplicationTree>(queryKey)?.dataUpdateCount ?? 0;
      const before = told();
      const tree = await get<ApplicationTree>(path`/api/v1/applications/${app.name}/resource-tree`, of(app), signal);
      // A tree has no version: what the stream told while the question was on its way is the newer one.
      return (told() > before && client.getQueryData<ApplicationTree>(queryKey)) || tree;
    },
    staleTime: Infinity,
  });

/** Git and cluster side by side, object by object. It follows the record: see useLive. */
export const managedQuery = (app: AppName) =>
  queryOptions({
    queryKey: [...appKey(app), "managed"],
    queryFn: ({ signal }) => get<ManagedResourcesResponse>(path`/api/v1/applications/${app.name}/managed-resources`, of(app), signal).then((r): ResourceDiff[] => r.items ?? []),
    staleTime: 5_000,
  });

/** A commit's author, time and message. It never changes. `source` counts from 0, for applications with several. */
export const revisionQuery = (app: AppName, revision: string | undefined, source = 0) =>
  queryOptions({
    queryKey: [...appKey(app), "revision", revision, source],
    queryFn: ({ signal }) => get<RevisionMetadata>(path`/api/v1/applications/${app.name}/revisions/${revision!}/metadata`, { ...of(app), sourceIndex: source }, signal),
    enabled: !!revision,
    staleTime: Infinity,
    retry: false,
  });

/** The server does not show it any more: it is gone, or the reader may not see it. */
export const isWithheld = (e: unknown): boolean => e instanceof ApiError && (e.status === 403 || e.status === 404);

/**
 * The record of an application, its tree, and whether what is shown is live. `gone` is true once it was deleted.
 *
 * A look that fails takes nothing away that is shown, unless the server withholds it: `error` is what keeps the reader
 * from seeing the application at all.
 */
export function useLive(app: AppName) {
  const queries = useQueryClient();
  // What is known from an earlier visit may have been deleted since, and no stream tells of that: it is asked for again.
  const record = useQuery({ ...appQuery(app), refetchOnMount: "always" });
  const [gone, setGone] = useState(false);
  const known = record.data !== undefined;
  const tree = useQuery({ ...treeQuery(app), enabled: known && !gone });
  const lookAgain = () => void queries.invalidateQueries({ queryKey: appQuery(app).queryKey });
  const state = useStream<ApplicationWatchEvent>(known ? "/api/v1/stream/applications" : null, { name: app.name, ...of(app) }, {
    message: ({ type, application }) => {
      setGone(type === "DELETED");
      if (type === "DELETED" || !application) return;
      learn(queries, app, application);
      void queries.invalidateQueries({ queryKey: managedQuery(app).queryKey });
    },
    again: () => void queries.invalidateQueries({ queryKey: appKey(app) }),
    refused: lookAgain,
  });
  // One that is made again under the same name has another tree, and the stream of the former has ended.
  useStream<ApplicationTree>(
    known && !gone ? path`/api/v1/stream/applications/${app.name}/resource-tree` : null,
    of(app),
    { message: (t) => queries.setQueryData(treeQuery(app).queryKey, t), refused: lookAgain },
    record.data?.metadata?.uid,
  );
  const error = record.isError && (!known || isWithheld(record.error)) ? record.error : undefined;
  return { record, tree, state, gone, error };
}

export function useManaged(app: AppName) {
  return useQuery(managedQuery(app));
}

export function useRevision(app: AppName, revision: string | undefined, source = 0) {
  return useQuery(revisionQuery(app, revision, source));
}

/** A revision as people know it: the first seven digits of a commit, a chart's version as it is. */
export const short = (revision: string | undefined) => (revision && /^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 7) : (revision ?? ""));

/** Where an application comes from; the first of several sources. */
export const sourceOf = (a: Application | undefined) => a?.spec?.sources?.[0] ?? a?.spec?.source;

/** The object of the policy that an application is: project/namespace/name, or project/name in our own namespace. */
export function policyObject(a: Application | undefined, control: string | undefined): string | undefined {
  if (!a?.metadata?.name) return undefined;
  const project = a.spec?.project || "default";
  return a.metadata.namespace === control || !a.metadata.namespace ? `${project}/${a.metadata.name}` : `${project}/${a.metadata.namespace}/${a.metadata.name}`;
}
