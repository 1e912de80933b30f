// What is asked of one object. It is asked again when the tree tells of a newer version of it.
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { get, path } from "../../api";
import type { Application, ApplicationResourceResponse, AppName, LinksResponse, ManagedResourcesResponse, ObjectKey, ResourceAction, ResourceActionsListResponse, ResourceDiff, V1EventList } from "../../types";
import { parse, type Obj } from "../../yaml/text";
import { appKey, managedQuery, of } from "../data";
import { nodeOf } from "../search";
import type { Facts } from "./facts";
import type { Live } from "./live";

/** How a request names an object of an application. */
export const named = (app: AppName, key: ObjectKey, version: string | undefined) => ({
  ...of(app),
  group: key.group,
  version: version ?? "v1",
  kind: key.kind,
  namespace: key.namespace,
  resourceName: key.name,
});

/** The object as the API server has it. For the application itself it is its record. */
export function useLiveObject(app: AppName, facts: Facts, record: Application): Live {
  const { key, node } = facts;
  const query = useQuery<Obj | null>({
    queryKey: [...appKey(app), "live", nodeOf(key), node?.resourceVersion],
    queryFn: ({ signal }) => get<ApplicationResourceResponse>(path`/api/v1/applications/${app.name}/resource`, named(app, key, facts.version), signal).then((r): Obj | null => parse(r.manifest) ?? null),
    enabled: !facts.itself && !facts.missing,
    placeholderData: keepPreviousData,
    retry: false,
  });
  return facts.itself ? { data: record as unknown as Obj, error: null, isPending: false, refetch: () => {} } : query as Live;
}

/** One object on both sides. */
export const diffQuery = (app: AppName, key: ObjectKey) =>
  queryOptions({
    // It begins like that of all objects, so that news of the application makes it old, too.
    queryKey: [...managedQuery(app).queryKey, nodeOf(key)],
    queryFn: ({ signal }) =>
      get<ManagedResourcesResponse>(path`/api/v1/applications/${app.name}/managed-resources`, { ...of(app), group: key.group, kind: key.kind, namespace: key.namespace, name: key.name }, signal).then(
        (r): ResourceDiff | null =>
          // A part that is empty asks for anything: a group of no name may be that of another kind.
          r.items?.find((d) => (d.group ?? "") === key.group && (d.namespace ?? "") === key.namespace && d.kind === key.kind && d.name === key.name) ?? null,
      ),
    staleTime: 5_000,
  });

export const eventsQuery = (app: AppName, key: ObjectKey, uid: string | undefined) =>
  queryOptions({
    queryKey: [...appKey(app), "events", nodeOf(key), uid],
    queryFn: ({ signal }) =>
      get<V1EventList>(path`/api/v1/applications/${app.name}/events`, { ...of(app), resourceUID: uid, resourceNamespace: key.namespace, resourceName: key.name }, signal).then((r) => r.items ?? []),
    enabled: uid !== undefined,
    refetchInterval: 10_000,
  });

export const useActions = (app: AppName, facts: Facts): ResourceAction[] =>
  useQuery<ResourceAction[]>({
    queryKey: [...appKey(app), "actions", nodeOf(facts.key), facts.node?.resourceVersion],
    queryFn: ({ signal }) => get<ResourceActionsListResponse>(path`/api/v1/applications/${app.name}/resource/actions`, named(app, facts.key, facts.version), signal).then((r) => r.actions ?? []),
    enabled: !facts.missing,
    placeholderData: keepPreviousData,
    retry: false,
  }).data ?? none;
const none: ResourceAction[] = [];

export const linksQuery = (app: AppName, facts: Facts) =>
  queryOptions({
    queryKey: [...appKey(app), "links", nodeOf(facts.key)],
    queryFn: ({ signal }) => get<LinksResponse>(path`/api/v1/applications/${app.name}/resource/links`, named(app, facts.key, facts.version), signal).then((r) => r.items ?? []),
    enabled: !facts.missing && !facts.itself,
    staleTime: 60_000,
    retry: false,
  });
