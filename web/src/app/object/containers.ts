import { useQuery } from "@tanstack/react-query";
import { get, path } from "../../api";
import type { ApplicationResourceResponse, AppName } from "../../types";
import { of } from "../data";

export interface Container {
  name: string;
  running: boolean;
  /** Why it does not run: CrashLoopBackOff, Completed. */
  reason?: string;
  starter: boolean; // it runs before the others, and ends
}

interface Pod {
  metadata?: { annotations?: Record<string, string> };
  spec?: Record<"initContainers" | "containers" | "ephemeralContainers", { name: string; restartPolicy?: string }[] | undefined>;
  status?: Record<"initContainerStatuses" | "containerStatuses" | "ephemeralContainerStatuses", Status[] | undefined>;
}

interface Status {
  name: string;
  state?: { running?: object; waiting?: { reason?: string }; terminated?: { reason?: string } };
}

/** The containers of a pod, those that start it first; usual is the one that is meant when none is named. */
export function useContainers(app: AppName, pod: { name: string; namespace: string } | undefined) {
  return useQuery({
    queryKey: ["app", app.namespace, app.name, "containers", pod?.namespace, pod?.name],
    queryFn: ({ signal }) =>
      get<ApplicationResourceResponse>(path`/api/v1/applications/${app.name}/resource`, { ...of(app), resourceName: pod!.name, namespace: pod!.namespace, kind: "Pod", version: "v1" }, signal).then((r) => containersOf(JSON.parse(r.manifest ?? "{}") as Pod)),
    enabled: !!pod,
    staleTime: 10_000,
    retry: false,
  });
}

export function containersOf({ metadata, spec, status }: Pod): { all: Container[]; usual?: string } {
  const states = new Map([...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])].map((s) => [s.name, s.state]));
  const all = [
    ...(spec?.initContainers ?? []).map((c) => ({ ...c, starter: c.restartPolicy !== "Always" })),
    ...(spec?.containers ?? []).map((c) => ({ ...c, starter: false })),
    ...(spec?.ephemeralContainers ?? []).map((c) => ({ ...c, starter: false })),
  ].map(({ name, starter }): Container => {
    const state = states.get(name);
    return { name, starter, running: !!state?.running, reason: state?.waiting?.reason ?? state?.terminated?.reason };
  });
  const named = metadata?.annotations?.["kubectl.kubernetes.io/default-container"];
  const mains = (spec?.containers ?? []).map((c) => c.name);
  const running = all.filter((c) => c.running).map((c) => c.name);
  return { all, usual: [named, ...mains.filter((n) => running.includes(n)), ...mains].find((n) => n && all.some((c) => c.name === n)) };
}
