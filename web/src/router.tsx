// The screens and their addresses. What is chosen on a screen stands in its address, so that every view is a link.
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Navigate, redirect } from "@tanstack/react-router";
import { ApiError, get, root } from "./api";
import { validateAppSearch } from "./app/search";
import { plainAppsSearch, validateAppsSearch } from "./apps/search";
import { validateNewSearch } from "./edit/search";
import { Login } from "./login/Login";
import { settingsQuery, userQuery } from "./session";
import { validateSettingsSearch } from "./settings/search";
import { Lost, Oops, Shell } from "./shell/Shell";

const top = createRootRouteWithContext<{ queries: QueryClient }>()({ notFoundComponent: Lost, errorComponent: Oops });

const login = createRoute({
  getParentRoute: () => top,
  path: "/login",
  component: Login,
  validateSearch: (s: Record<string, unknown>): { return_url?: string } => (typeof s.return_url === "string" ? { return_url: s.return_url } : {}),
});

/** Everything but the login: for those whom the server knows, or lets in without a name. */
const inside = createRoute({
  getParentRoute: () => top,
  id: "inside",
  component: Shell,
  beforeLoad: async ({ context: { queries }, location }) => {
    const toLogin = () => redirect({ to: "/login", search: location.href === "/applications" ? {} : { return_url: location.href } });
    try {
      const [user] = await Promise.all([queries.ensureQueryData(userQuery), queries.ensureQueryData(settingsQuery)]);
      // Anonymous access is found out by the first request for data: the user is nobody in both cases.
      if (!user.loggedIn && !(await letsStrangersIn(queries))) throw toLogin();
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) throw toLogin();
      throw e;
    }
  },
});

async function letsStrangersIn(queries: QueryClient): Promise<boolean> {
  return queries.ensureQueryData({
    queryKey: ["strangers"],
    queryFn: () => get("/api/v1/applications", { limit: 1, fields: "metadata" }).then(() => true, (e) => !(e instanceof ApiError && e.status === 401)),
  });
}

const home = createRoute({ getParentRoute: () => inside, path: "/", component: () => <Navigate to="/applications" replace /> });

const applications = createRoute({
  getParentRoute: () => inside,
  path: "/applications",
  validateSearch: validateAppsSearch,
  search: { middlewares: [({ search, next }) => plainAppsSearch(next(search))] },
  component: lazyRouteComponent(() => import("./apps/Applications"), "Applications"),
});

export const application = createRoute({
  getParentRoute: () => inside,
  path: "/applications/$namespace/$name",
  validateSearch: validateAppSearch,
  component: lazyRouteComponent(() => import("./app/ApplicationPage"), "ApplicationPage"),
});

/** Argo CD's older links leave the namespace out. */
const bareApplication = createRoute({
  getParentRoute: () => inside,
  path: "/applications/$name",
  validateSearch: validateAppSearch,
  beforeLoad: async ({ context: { queries }, params, search }) => {
    const { controllerNamespace } = await queries.ensureQueryData(settingsQuery);
    throw redirect({ to: "/applications/$namespace/$name", params: { namespace: controllerNamespace ?? "argocd", name: params.name }, search, replace: true });
  },
});

const create = createRoute({ getParentRoute: () => inside, path: "/new", validateSearch: validateNewSearch, component: lazyRouteComponent(() => import("./edit/NewApplication"), "NewApplication") });

const settings = createRoute({ getParentRoute: () => inside, path: "/settings", component: lazyRouteComponent(() => import("./settings/Settings"), "Settings") });
const settingsPage = createRoute({ getParentRoute: () => inside, path: "/settings/$section", validateSearch: validateSettingsSearch, component: lazyRouteComponent(() => import("./settings/Settings"), "Settings") });
const settingsItem = createRoute({ getParentRoute: () => inside, path: "/settings/$section/$item", validateSearch: validateSettingsSearch, component: lazyRouteComponent(() => import("./settings/Settings"), "Settings") });

const user = createRoute({ getParentRoute: () => inside, path: "/user-info", validateSearch: validateSettingsSearch, component: lazyRouteComponent(() => import("./user/UserInfo"), "UserInfo") });
const help = createRoute({ getParentRoute: () => inside, path: "/help", component: lazyRouteComponent(() => import("./user/Help"), "Help") });

const tree = top.addChildren([login, inside.addChildren([home, applications, application, bareApplication, create, settings, settingsPage, settingsItem, user, help])]);

export const newRouter = (queries: QueryClient) =>
  createRouter({ routeTree: tree, basepath: root || "/", context: { queries }, defaultErrorComponent: Oops, defaultPreload: "intent", defaultPreloadStaleTime: 0, scrollRestoration: true });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
