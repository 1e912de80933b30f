// What shortcuts and the command palette do. On an application, most of it is an address.
import { useMatchRoute, useNavigate } from "@tanstack/react-router";
import { get, path } from "../api";
import { validateAppSearch, type AppSearch, type Panel } from "../app/search";
import type { AppName } from "../types";
import { say, sayFailure } from "../ui/Toast";
import type { Action } from "./shortcuts";

/** The application on whose screen the reader is. */
export function useHere(): AppName | undefined {
  const match = useMatchRoute();
  const params = match({ to: "/applications/$namespace/$name" });
  return params ? (params as AppName) : undefined;
}

/** Compares an application with Git now; hard also renders anew what is remembered. */
export async function refresh(app: AppName, hard = false): Promise<void> {
  try {
    await get(path`/api/v1/applications/${app.name}`, { appNamespace: app.namespace, refresh: hard ? "hard" : "normal" });
    say(`${app.name} was compared with Git${hard ? ", and rendered anew" : ""}.`);
  } catch (e) {
    sayFailure(`refresh ${app.name}`, e);
  }
}

/** Shows an application, in the view in which the last one was shown. */
export function useGoTo() {
  const navigate = useNavigate();
  return (app: AppName, search: AppSearch = {}) => {
    const change = (now: object): AppSearch => ({ view: validateAppSearch({ ...now }).view, ...search });
    void navigate({ to: "/applications/$namespace/$name", params: { ...app }, search: change });
  };
}

export function useAct(help: () => void) {
  const navigate = useNavigate();
  const goTo = useGoTo();
  const here = useHere();
  return (action: Action) => {
    const panel = (name: Panel) => here && goTo(here, { panel: name });
    switch (action) {
      case "help":
        return help();
      case "applications":
        return void navigate({ to: "/applications" });
      case "settings":
        return void navigate({ to: "/settings" });
      case "user":
        return void navigate({ to: "/user-info" });
      case "refresh":
        return here && void refresh(here);
      default:
        return panel(action);
    }
  };
}
