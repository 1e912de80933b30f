// What is known of one application. Two streams keep it fresh: one tells of the record, one of its objects.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { get, path } from "../api";
import { useStream } from "../stream";
import type { Application, ApplicationTree, ApplicationWatchEvent, AppName, ManagedResourcesResponse, ResourceDiff, RevisionMetadata } from "../types";

/** Part of every request that is about one application. */
export const of = ({ namespace }: AppName) => ({ appNamespace: namespace });

export const appKey = (of: AppName) => ["app", of.namespace, of.name] as const;

export const appQuery = (app: AppName) =>
  queryOptions({
    queryKey: [...appKey(app), "record"],
    queryFn: ({ signal }) => get<Application>(path`/api/v1/applications/${app.name}`, of(app), signal),
    staleTime: Infinity, // the stream tells
  });

export const treeQuery = (app: AppName) =>
  queryOptions({
    queryKey: [...appKey(app), "tree"],
    queryFn: ({ signal }) => get<ApplicationTree>(path`/api/v1/applications/${app.name}/resource-tree`, of(app), signal),
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

/** The record of an application, its tree, and whether what is shown is live. Gone is true once it was deleted. */
export function useLive(app: AppName) {
  const queries = useQueryClient();
  const record = useQuery(appQuery(app));
  const tree = useQuery({ ...treeQuery(app), enabled: record.isSuccess });
  const { queryKey } = appQuery(app);
  const state = useStream<ApplicationWatchEvent>(record.isSuccess ? "/api/v1/stream/applications" : null, { name: app.name, ...of(app) }, {
    message: ({ type, application }) => {
      if (type === "DELETED") {
        queries.setQueryData([...appKey(app), "gone"], true);
        return;
      }
      queries.setQueryData([...appKey(app), "gone"], false);
      queries.setQueryData(queryKey, application);
      void queries.invalidateQueries({ queryKey: managedQuery(app).queryKey });
    },
    again: () => void queries.invalidateQueries({ queryKey: appKey(app) }),
  });
  useStream<ApplicationTree>(record.isSuccess ? path`/api/v1/stream/applications/${app.name}/resource-tree` : null, of(app), {
    message: (t) => queries.setQueryData(treeQuery(app).queryKey, t),
  });
  const gone = useQuery({ queryKey: [...appKey(app), "gone"], queryFn: () => false, staleTime: Infinity });
  return { record, tree, state, gone: gone.data === true };
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
