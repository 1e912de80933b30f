import { lazy, type ComponentType } from "react";
import type { Application, ApplicationTree, AppName } from "../types";
import type { Panel } from "./search";

/** What a panel is given. It draws its own Dialog. */
export interface PanelProps {
  app: AppName;
  record: Application;
  tree?: ApplicationTree;
  onClose: () => void;
}

const panels: Partial<Record<Panel, ComponentType<PanelProps>>> = {
  diff: lazy(() => import("../diff/DiffPanel").then((m) => ({ default: m.DiffPanel }))),
  sync: lazy(() => import("./sync/SyncPanel").then((m) => ({ default: m.SyncPanel }))),
  operation: lazy(() => import("./sync/OperationPanel").then((m) => ({ default: m.OperationPanel }))),
};

/** One of the panels over the screen of an application, by its name in the address. */
export function AppPanel({ panel, ...rest }: PanelProps & { panel: Panel }) {
  const Content = panels[panel];
  return Content ? <Content {...rest} /> : null;
}
