// The API's types, and the few words that the page uses for the same things in several places.
export * from "./types.gen";

export type SyncStatus = "Synced" | "OutOfSync" | "Unknown";
export type Health = "Healthy" | "Progressing" | "Degraded" | "Suspended" | "Missing" | "Unknown";
export type Phase = "Running" | "Terminating" | "Succeeded" | "Failed" | "Error";

/** An object in a cluster, as the API names it. */
export interface ObjectKey {
  group: string;
  kind: string;
  namespace: string;
  name: string;
}

/** The identity of an application. Its namespace is that of the record, not its destination. */
export interface AppName {
  namespace: string;
  name: string;
}
