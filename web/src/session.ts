// Who the reader is, what the server is set to, and what the reader may do.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { get, path, root, send } from "./api";
import type { CanIResponse, GetUserInfoResponse, Settings } from "./types";

export const settingsQuery = queryOptions({
  queryKey: ["settings"],
  queryFn: ({ signal }) => get<Settings>("/api/v1/settings", undefined, signal),
  staleTime: 60_000,
});

export const userQuery = queryOptions({
  queryKey: ["user"],
  queryFn: ({ signal }) => get<GetUserInfoResponse>("/api/v1/session/userinfo", undefined, signal),
  staleTime: 60_000,
});

export const useSettings = () => useQuery(settingsQuery).data;
export const useUser = () => useQuery(userQuery).data;

export const mayQuery = (resource: string, action: string, object: string | undefined) =>
  queryOptions({
    queryKey: ["may", resource, action, object],
    queryFn: ({ signal }) =>
      get<CanIResponse>(path`/api/v1/account/can-i/${resource}/${action}/` + object!.split("/").map(encodeURIComponent).join("/"), undefined, signal).then((r) => r.value === "yes"),
    enabled: object !== undefined,
    staleTime: 60_000,
  });

/** May the reader do this? Undefined while it is not known: draw what needs it only when it is true. */
export const useMay = (resource: string, action: string, object: string | undefined): boolean | undefined => useQuery(mayQuery(resource, action, object)).data;

export function logIn(username: string, password: string): Promise<unknown> {
  return send("POST", "/api/v1/session", { username, password });
}

/** Ends the session, and goes where the server says: to the login, or to the issuer that the reader came from. */
export async function logOut(): Promise<void> {
  await send("DELETE", "/api/v1/session");
  sessionStorage.clear(); // drafts: the next who uses this tab may not know what is in them
  window.location.assign(root + "/login");
}
