// What the header asks the server, besides the record and the tree that the screen has.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { get, path } from "../../api";
import type { Application, ApplicationSyncWindowsResponse, ApplicationTree, AppName, LinksResponse, WhyResponse } from "../../types";
import { appKey, of } from "../data";
import { signature } from "./why";

export const whyQuery = (app: AppName) =>
  queryOptions({
    queryKey: [...appKey(app), "why"],
    queryFn: ({ signal }) => get<WhyResponse>(path`/api/v1/applications/${app.name}/why`, of(app), signal),
    staleTime: Infinity,
    refetchInterval: 60_000, // which field differs may change though the rest stays
  });

/** The least time between two questions: a rollout changes the tree several times a second. */
const apart = 1000;

/** What is true of the application, asked again when the record or the health of an object changes. */
export function useWhy(app: AppName, record: Application, tree: ApplicationTree | undefined) {
  const queries = useQueryClient();
  const key = signature(record, tree);
  const last = useRef({ key, at: Date.now() });
  useEffect(() => {
    if (last.current.key === key) return;
    const timer = window.setTimeout(
      () => {
        last.current = { key, at: Date.now() };
        void queries.invalidateQueries({ queryKey: whyQuery(app).queryKey });
      },
      Math.max(100, last.current.at + apart - Date.now()),
    );
    return () => window.clearTimeout(timer);
  }, [key, app.namespace, app.name]);
  return useQuery({ ...whyQuery(app), refetchOnMount: "always" }); // what was true at the last visit need not be now
}

export const useWindows = (app: AppName) =>
  useQuery({
    queryKey: [...appKey(app), "windows"],
    queryFn: ({ signal }) => get<ApplicationSyncWindowsResponse>(path`/api/v1/applications/${app.name}/syncwindows`, of(app), signal),
    staleTime: 30_000,
    refetchInterval: 60_000,
    retry: false,
  }).data;

export const useLinks = (app: AppName) =>
  useQuery({
    queryKey: [...appKey(app), "links"],
    queryFn: ({ signal }) => get<LinksResponse>(path`/api/v1/applications/${app.name}/links`, { namespace: app.namespace }, signal).then((r) => r.items ?? []),
    staleTime: 300_000,
    retry: false,
  }).data ?? [];
