// What the history asks the server: commits between deployments, and what was rendered from them.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { get, path } from "../../api";
import type { AppName, CommitsResponse, ManifestResponse } from "../../types";
import { appKey, of } from "../data";

/** The commits after `from` up to `to` that changed what the application is made of. An empty `to` is what it follows. */
export const commitsQuery = (app: AppName, from: string | undefined, to: string | undefined, source = 0, limit = 25) =>
  queryOptions({
    queryKey: [...appKey(app), "commits", from, to, source, limit],
    queryFn: ({ signal }) => get<CommitsResponse>(path`/api/v1/applications/${app.name}/commits`, { ...of(app), from, to, sourceIndex: source, limit }, signal),
    enabled: from !== undefined,
    staleTime: to ? Infinity : 10_000, // between two commits nothing changes; a branch goes on
    retry: false,
  });

export const useCommits = (...args: Parameters<typeof commitsQuery>) => useQuery(commitsQuery(...args));

/** What the application renders to at revisions, one for each of its sources. */
export const useManifests = (app: AppName, revisions: string[]) =>
  useQuery({
    queryKey: [...appKey(app), "manifests", revisions],
    queryFn: ({ signal }) =>
      get<ManifestResponse>(
        path`/api/v1/applications/${app.name}/manifests`,
        { ...of(app), ...(revisions.length === 1 ? { revision: revisions[0] } : { revisions, sourcePositions: revisions.map((_, i) => String(i + 1)) }) },
        signal,
      ).then((r) => r.manifests ?? []),
    enabled: revisions.length > 0,
    staleTime: Infinity,
    retry: false,
  });
