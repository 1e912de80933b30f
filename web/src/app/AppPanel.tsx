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
  edit: lazy(() => import("../edit/EditPanel").then((m) => ({ default: m.EditPanel }))),
};

/** One of the panels over the screen of an application, by its name in the address. */
export function AppPanel({ panel, ...rest }: PanelProps & { panel: Panel }) {
  const Content = panels[panel];
  return Content ? <Content {...rest} /> : null;
}
