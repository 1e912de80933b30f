// What the panels ask the server for.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { path, send } from "../../api";
import type { Application, AppName, SyncPreview, SyncPreviewRequest } from "../../types";
import { appKey } from "../data";

/** What a sync would do. It is asked anew when the application's record says that something has changed. */
export const previewQuery = (app: AppName, request: SyncPreviewRequest, stamp: string) =>
  queryOptions({
    queryKey: [...appKey(app), "preview", request, stamp],
    queryFn: () => send<SyncPreview>("POST", path`/api/v1/applications/${app.name}/sync-preview`, request),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    retry: false,
  });

/** What of the record a preview depends on. */
export function stampOf(a: Application): string {
  const s = a.status;
  const objects = (s?.resources ?? []).map((r) => `${r.status?.[0] ?? ""}${r.requiresPruning ? "p" : ""}`).join("");
  return [s?.sync?.revision, s?.sync?.revisions?.join(), s?.sync?.status, s?.operationState?.phase, s?.operationState?.startedAt, objects, JSON.stringify(a.spec?.syncPolicy ?? {})].join("|");
}
