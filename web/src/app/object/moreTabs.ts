// The tabs of the drawer that others write. Each is loaded when it is looked at.
import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { Application, ApplicationTree, AppName, ObjectKey } from "../../types";
import type { Facts } from "./facts";

export interface TabProps {
  app: AppName;
  record: Application;
  tree?: ApplicationTree;
  node: ObjectKey;
}

export interface MoreTab {
  /** Its name in the address. */
  value: string;
  label: string;
  /** Whether it says anything of such an object. */
  when: (facts: Facts) => boolean;
  Content: LazyExoticComponent<ComponentType<TabProps>>;
}

export const hasPods = ({ key, missing }: Facts): boolean =>
  !missing && ["Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Rollout"].includes(key.kind);
export const isPod = ({ key, missing }: Facts): boolean => !missing && key.group === "" && key.kind === "Pod";

export const moreTabs: MoreTab[] = [
  { value: "logs", label: "Logs", when: hasPods, Content: lazy(() => import("./Logs").then((m) => ({ default: m.Logs }))) },
  { value: "terminal", label: "Terminal", when: isPod, Content: lazy(() => import("./Terminal").then((m) => ({ default: m.Terminal }))) },
];
