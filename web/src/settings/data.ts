// What the screens of the settings ask for, and what is asked anew after a change.
import { queryOptions, useQueries, useQuery, type QueryClient } from "@tanstack/react-query";
import { get, path } from "../api";
import type { AccountsList, AppProject, AppProjectList, CanIResponse, Cluster, ClusterList, GnuPGPublicKeyList, RepoCredsList, RepositoryCertificateList, RepositoryList } from "../types";

/** A list: the server leaves `items` out when it is empty. */
const list = <T>(name: string, at: string, staleTime = 10_000) =>
  queryOptions({
    queryKey: ["settings", name] as const,
    queryFn: ({ signal }) => get<{ items?: T[] }>(at, undefined, signal).then((r): T[] => r.items ?? []),
    staleTime,
  });

type Item<L extends { items?: unknown[] }> = NonNullable<L["items"]>[number];

export const reposQuery = list<Item<RepositoryList>>("repos", "/api/v1/repositories");
export const credsQuery = list<Item<RepoCredsList>>("repocreds", "/api/v1/repocreds");
export const projectsQuery = list<Item<AppProjectList>>("projects", "/api/v1/projects");
export const clustersQuery = list<Item<ClusterList>>("clusters", "/api/v1/clusters");
export const accountsQuery = list<Item<AccountsList>>("accounts", "/api/v1/account");
export const certsQuery = list<Item<RepositoryCertificateList>>("certs", "/api/v1/certificates");
export const keysQuery = list<Item<GnuPGPublicKeyList>>("gpgkeys", "/api/v1/gpgkeys");

export const projectQuery = (name: string) =>
  queryOptions({ queryKey: ["settings", "projects", name] as const, queryFn: ({ signal }) => get<AppProject>(path`/api/v1/projects/${name}`, undefined, signal), staleTime: 5_000 });

export const clusterQuery = (server: string) =>
  queryOptions({
    queryKey: ["settings", "clusters", server] as const,
    queryFn: ({ signal }) => get<Cluster>(path`/api/v1/clusters/${server}`, undefined, signal),
    staleTime: 5_000,
    refetchInterval: 15_000, // its connection changes by itself
  });

/** Asks anew for what a change of one of the lists concerns. */
export const changed = (queries: QueryClient, name: string) => queries.invalidateQueries({ queryKey: ["settings", name] });

export const useProjectNames = () => useQuery({ ...projectsQuery, select: (all) => all.map((p) => p.metadata?.name ?? "") }).data;

/** What asks whether the reader may do this. */
export const question = (resource: string, action: string, object: string) => ({
  queryKey: ["may", resource, action, object],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    get<CanIResponse>(path`/api/v1/account/can-i/${resource}/${action}/` + object.split("/").map(encodeURIComponent).join("/"), undefined, signal).then((r) => r.value === "yes"),
  staleTime: 60_000,
});

/** May the reader do this with one of these? Undefined while it is not known. */
export function useMayAny(resource: string, action: string, objects: string[] | undefined): boolean | undefined {
  const answers = useQueries({ queries: (objects ?? []).map((o) => question(resource, action, o)) });
  if (answers.some((a) => a.data)) return true;
  return objects === undefined || answers.some((a) => a.isPending) ? undefined : false;
}

/** What may be asked of things that belong to no project or to one of those that the reader sees. */
export function useAnywhere(): string[] | undefined {
  const names = useProjectNames();
  return names && ["*", ...names.slice(0, 20).map((n) => n + "/*")];
}
