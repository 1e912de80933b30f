// What a form suggests: projects, clusters, repositories, and what is in a repository. All of it may be refused to the
// reader, who then writes by heart.
import { useQueries, useQuery } from "@tanstack/react-query";
import { get, path } from "../api";
import type { AppProject, AppProjectList, CanIResponse, Cluster, ClusterList, Refs, RepoAppsResponse, Repository, RepositoryList } from "../types";

const quiet = { retry: false, staleTime: 60_000 } as const;

export function useProjects(): AppProject[] {
  return useQuery({ queryKey: ["projects", "names"], queryFn: ({ signal }) => get<AppProjectList>("/api/v1/projects", { fields: "items.metadata.name,items.spec.description,items.spec.destinations" }, signal).then((r) => r.items ?? []), ...quiet }).data ?? [];
}

export function useClusters(): Cluster[] {
  return useQuery({ queryKey: ["clusters", "names"], queryFn: ({ signal }) => get<ClusterList>("/api/v1/clusters", undefined, signal).then((r) => r.items ?? []), ...quiet }).data ?? [];
}

export function useRepositories(): Repository[] {
  return useQuery({ queryKey: ["repositories", "names"], queryFn: ({ signal }) => get<RepositoryList>("/api/v1/repositories", undefined, signal).then((r) => r.items ?? []), ...quiet }).data ?? [];
}

/** More projects than this are not asked for one by one. */
const mostProjects = 40;

/** Of each project, may the reader create an application of that name in it? Undefined while, or where, it is not known. */
export function useMayCreateIn(projects: readonly string[], application: (project: string) => string): Record<string, boolean | undefined> {
  const asked = projects.length <= mostProjects ? projects : [];
  const answers = useQueries({
    queries: asked.map((p) => {
      const object = application(p);
      return {
        queryKey: ["may", "applications", "create", object],
        queryFn: () => get<CanIResponse>("/api/v1/account/can-i/applications/create/" + object.split("/").map(encodeURIComponent).join("/")).then((r) => r.value === "yes"),
        ...quiet,
      };
    }),
  });
  return Object.fromEntries(asked.map((p, i) => [p, answers[i]!.data]));
}

/** Branches and tags. repo is one that the server has found. */
export function useRefs(repo: string | undefined, project: string) {
  return useQuery({ queryKey: ["refs", repo, project], queryFn: ({ signal }) => get<Refs>(path`/api/v1/repositories/${repo!}/refs`, { appProject: project }, signal), enabled: !!repo, ...quiet }).data;
}

/** The folders that hold a chart or a kustomization. The server tells those who could make the application. */
export function usePaths(repo: string | undefined, revision: string | undefined, project: string, name: string) {
  return useQuery({
    queryKey: ["paths", repo, revision, project, name],
    queryFn: ({ signal }) => get<RepoAppsResponse>(path`/api/v1/repositories/${repo!}/apps`, { revision, appProject: project, appName: name }, signal).then((r) => r.items ?? []),
    enabled: !!repo && !!name,
    ...quiet,
  }).data;
}

/** The charts of a Helm repository. */
export function useCharts(repo: string | undefined, project: string) {
  return useQuery({
    queryKey: ["charts", repo, project],
    queryFn: ({ signal }) => get<{ items?: { name?: string; versions?: string[] }[] }>(path`/api/v1/repositories/${repo!}/helmcharts`, { appProject: project }, signal).then((r) => r.items ?? []),
    enabled: !!repo,
    ...quiet,
  }).data;
}
