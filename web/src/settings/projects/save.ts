import { useQueryClient } from "@tanstack/react-query";
import { path, send } from "../../api";
import type { AppProject, AppProjectSpec } from "../../types";
import { changed } from "../data";

/** Writes a change of a project over the version that was looked at: who saves last does not undo what others did. */
export function useSaveSpec(of: AppProject) {
  const queries = useQueryClient();
  return async (change: (spec: AppProjectSpec) => AppProjectSpec) => {
    await send("PUT", path`/api/v1/projects/${of.metadata?.name ?? ""}`, { project: { ...of, spec: change(of.spec ?? {}) } });
    await changed(queries, "projects");
  };
}
