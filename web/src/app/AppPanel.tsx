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
  history: lazy(() => import("./history/HistoryPanel").then((m) => ({ default: m.HistoryPanel }))),
  events: lazy(() => import("./events/EventsPanel").then((m) => ({ default: m.EventsPanel }))),
  details: lazy(() => import("./details/DetailsPanel").then((m) => ({ default: m.DetailsPanel }))),
  delete: lazy(() => import("./delete/DeletePanel").then((m) => ({ default: m.DeletePanel }))),
  edit: lazy(() => import("../edit/EditPanel").then((m) => ({ default: m.EditPanel }))),
};

/** One of the panels over the screen of an application, by its name in the address. */
export function AppPanel({ panel, ...rest }: PanelProps & { panel: Panel }) {
  const Content = panels[panel];
  return Content ? <Content {...rest} /> : null;
}
