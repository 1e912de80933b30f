// What policies can speak of, and how the answers are said in words. The pairs are those that the server knows.

export interface Right {
  resource: string;
  title: string;
  actions: string[];
  /** What an action is called here, where that is not the usual word. */
  words?: Record<string, string>;
  /** A policy speaks of it within a project. */
  scoped: boolean;
}

export const actionWords: Record<string, string> = {
  get: "see",
  create: "create",
  update: "change",
  delete: "delete",
  sync: "sync",
  rollback: "roll back",
  override: "sync another revision",
  "action/*": "run actions",
  invoke: "use",
};

export const rights: Right[] = [
  { resource: "applications", title: "Applications", actions: ["get", "create", "update", "delete", "sync", "rollback", "override", "action/*"], scoped: true },
  { resource: "applicationsets", title: "Application sets", actions: ["get", "create", "update", "delete"], scoped: true },
  { resource: "logs", title: "Logs of pods", actions: ["get"], scoped: true },
  { resource: "exec", title: "Terminals in pods", actions: ["create"], words: { create: "open" }, scoped: true },
  { resource: "repositories", title: "Repositories", actions: ["get", "create", "update", "delete"], scoped: true },
  { resource: "write-repositories", title: "Repositories to write to", actions: ["get", "create", "update", "delete"], scoped: false },
  { resource: "clusters", title: "Clusters", actions: ["get", "create", "update", "delete"], scoped: true },
  { resource: "projects", title: "Projects", actions: ["get", "create", "update", "delete"], scoped: false },
  { resource: "accounts", title: "Accounts", actions: ["get", "update"], scoped: false },
  { resource: "certificates", title: "Certificates and known hosts", actions: ["get", "create", "update", "delete"], scoped: false },
  { resource: "gpgkeys", title: "GnuPG keys", actions: ["get", "create", "delete"], scoped: false },
  { resource: "extensions", title: "Extensions", actions: ["invoke"], scoped: false },
];

/** What a question about a project is asked with: all of the project, or all there is where no project is chosen. */
export function objectOf(r: Right, project: string | undefined): string {
  if (project === undefined) return "*";
  if (r.resource === "projects") return project;
  return r.scoped ? `${project}/*` : "*";
}

/** "You may see, create and sync." */
export function sentence({ actions, words }: Pick<Right, "actions" | "words">, may: (boolean | undefined)[]): string {
  const yes = actions.filter((_, i) => may[i]).map((a) => words?.[a] ?? actionWords[a] ?? a);
  if (may.some((m) => m === undefined)) return "…";
  if (yes.length === 0) return "nothing";
  if (yes.length === actions.length && actions.length > 2) return "everything";
  return yes.length === 1 ? yes[0] : `${yes.slice(0, -1).join(", ")} and ${yes[yes.length - 1]}`;
}
