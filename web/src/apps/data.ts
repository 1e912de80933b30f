// What the list knows, and how it stays true.
//
// The list is read in pages, those that are on the screen. One stream tells of every application that changes: what is on
// the screen is changed at once; how many there are, in what order and which others match is asked again, at most once a
// second, and only when something changed that those depend on.
import { keepPreviousData, queryOptions, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { get, type Query } from "../api";
import { listen, type StreamState } from "../stream";
import type { Application, ApplicationPage, ApplicationWatchEvent, ClusterList } from "../types";
import { newer } from "../app/data";
import { eventFields, keyOf, rowFields, signature } from "./row";
import { scope, selectorOf, type AppsSearch } from "./search";
import { chosenFields } from "./selection";

/** How many applications are asked for at once: a few screens. */
export const pageSize = 100;

const listed = ["apps"] as const;
const paged = [...listed, "page"] as const;

/** The query of the API for a search. */
export function asked(s: AppsSearch): Query {
  return {
    search: s.search,
    sync: s.sync,
    health: s.health,
    operation: s.operation,
    project: s.project,
    cluster: s.cluster,
    namespace: s.namespace,
    repos: s.repo,
    owner: s.owner,
    selector: selectorOf(s.label),
    sort: s.sort,
  };
}

/** One page of the applications of a search. */
export const pageQuery = (s: AppsSearch, page: number) => {
  const query = asked(s);
  return queryOptions({
    queryKey: [...paged, query, page],
    queryFn: ({ signal }) =>
      get<ApplicationPage>("/api/v1/applications", { ...query, limit: pageSize, offset: page * pageSize, commits: true, fields: "metadata,counts.total,commits," + rowFields }, signal),
    staleTime: Infinity, // the stream tells
  });
};

/** The figures of the summary, of the part of the fleet that is looked at; and all that the list can be narrowed to. */
export const fleetQuery = (s: AppsSearch) => {
  const query = asked(scope(s));
  return queryOptions({
    queryKey: [...listed, "fleet", query],
    queryFn: ({ signal }) => get<ApplicationPage>("/api/v1/applications", { ...query, limit: 1, fleet: true, fields: "counts,fleet" }, signal),
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  });
};

/** All applications of a search by what a bulk action has to know of them; or a stretch of them. */
export function namesOf(s: AppsSearch, from = 0, count = 0): Promise<Application[]> {
  return get<ApplicationPage>("/api/v1/applications", { ...asked(s), offset: from, limit: count, fields: chosenFields }).then((p) => p.items ?? []);
}

export const clustersQuery = queryOptions({
  queryKey: ["clusters", "state"],
  queryFn: ({ signal }) => get<ClusterList>("/api/v1/clusters", { fields: "items.name,items.server,items.connectionState" }, signal).then((l) => l.items ?? []),
  staleTime: 30_000,
  refetchInterval: 30_000,
});

/** The clusters that the reader may see; none while that is not known. */
export const useClusters = () => useQuery(clustersQuery).data ?? [];

// What the stream has told lately of single applications, for whoever waits for one; see useLatest.
const latest = new Map<string, Application>();
const watching = new Map<string, Set<() => void>>();

/** An application as the stream told of it last. */
export function useLatest(key: string): Application | undefined {
  const [, again] = useState(0);
  useEffect(() => {
    const tell = () => again((n) => n + 1);
    const all = watching.get(key) ?? new Set();
    watching.set(key, all.add(tell));
    return () => {
      all.delete(tell);
      if (all.size === 0) watching.delete(key);
    };
  }, [key]);
  return latest.get(key);
}

/** Changes the pages on the screen by what the stream has told; true when counts or order may have changed as well. */
export function apply(queries: QueryClient, events: ReadonlyMap<string, ApplicationWatchEvent>): void {
  queries.setQueriesData<ApplicationPage>({ queryKey: paged, type: "active" }, (page) => {
    if (!page?.items?.some((a) => events.has(keyOf(a)))) return page;
    const items = page.items.flatMap((a) => {
      const e = events.get(keyOf(a));
      if (!e?.application) return [a];
      if (e.type === "DELETED") return [];
      return [newer(e.application, a) ? e.application : a];
    });
    return { ...page, items };
  });
}

/** What is known from before is shown at once, and asked for again: nobody listened while another screen was open. */
export function useLookAgain(): void {
  const queries = useQueryClient();
  useState(() => void queries.invalidateQueries({ queryKey: listed, refetchType: "none" }));
}

/** Keeps all that the list shows true while the component is there. Says how the connection is. */
export function useLiveList(from: string | undefined): StreamState {
  const queries = useQueryClient();
  const [state, setState] = useState<StreamState>("connecting");
  const version = useRef<string>(undefined);
  version.current ??= from;
  const begun = from !== undefined;
  useEffect(() => {
    if (!begun) return;
    const known = new Map<string, string>(); // the signature of all that was told of
    const told = new Map<string, ApplicationWatchEvent>();
    let drawing = 0;
    let asking = 0;
    let asked = 0;
    const draw = () => {
      drawing = 0;
      apply(queries, told);
      for (const [key, { type, application }] of told) {
        if (type === "DELETED") latest.delete(key);
        else if (application) latest.set(key, application);
        for (const tell of watching.get(key) ?? []) tell();
      }
      told.clear();
    };
    const ask = () => {
      asking = 0;
      asked = Date.now();
      void queries.invalidateQueries({ queryKey: listed });
    };
    const end = listen<ApplicationWatchEvent>("/api/v1/stream/applications", () => ({ resourceVersion: version.current, fields: eventFields }), {
      message: (event) => {
        const a = event.application;
        if (!a) return;
        version.current = a.metadata?.resourceVersion ?? version.current;
        const key = keyOf(a);
        told.set(key, event);
        drawing ||= window.setTimeout(draw, 50);
        const s = event.type === "DELETED" ? "" : signature(a);
        if (known.get(key) === s) return;
        known.set(key, s);
        asking ||= window.setTimeout(ask, Math.max(100, asked + 1000 - Date.now()));
      },
      again: ask,
      state: setState,
    });
    return () => {
      end();
      window.clearTimeout(drawing);
      window.clearTimeout(asking);
      latest.clear();
    };
  }, [begun, queries]);
  return state;
}
