import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import { useTitle } from "../shell/Shell";
import type { AppName } from "../types";
import { Empty, Failure, Waiting } from "../ui/Say";
import { useLive } from "./data";
import { Header } from "./Header";
import { parseNode, type AppSearch } from "./search";
import styles from "./ApplicationPage.module.css";

const Topology = lazy(() => import("./topology/Topology").then((m) => ({ default: m.Topology })));
const ObjectDrawer = lazy(() => import("./object/ObjectDrawer").then((m) => ({ default: m.ObjectDrawer })));
const AppPanel = lazy(() => import("./AppPanel").then((m) => ({ default: m.AppPanel })));

/** Changes what the screen shows; each step is a step of the browser's history unless `replace`. */
export function useShow() {
  const navigate = useNavigate({ from: "/applications/$namespace/$name" });
  return (change: Partial<AppSearch>, replace = false) => void navigate({ search: (s: AppSearch) => ({ ...s, ...change }), replace, resetScroll: false });
}

/** Nothing of one application is left on the screen when the address names another. */
export function ApplicationPage() {
  const { namespace, name } = useParams({ from: "/inside/applications/$namespace/$name" });
  const app = useMemo(() => ({ namespace, name }), [namespace, name]);
  return <Page key={`${namespace}/${name}`} app={app} />;
}

function Page({ app }: { app: AppName }) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const live = useLive(app);
  useTitle(app.name);

  if (live.gone) {
    return (
      <Empty title={`${app.name} was deleted`}>
        <p>
          It went while you looked at it. <Link to="/applications">All applications</Link>
        </p>
      </Empty>
    );
  }
  if (live.error) return <Failure error={live.error} doing={`see application ${app.name}`} onRetry={() => live.record.refetch()} />;
  if (!live.record.data) return <Waiting>Loading {app.name}</Waiting>;
  const node = parseNode(search.node);
  return (
    <div className={styles.page}>
      <Header app={app} record={live.record.data} tree={live.tree.data} state={live.state} />
      <div className={styles.stage}>
        <div className={styles.picture}>
          <Suspense fallback={<Waiting>Drawing the topology</Waiting>}>
            {live.tree.data ? (
              <Topology app={app} record={live.record.data} tree={live.tree.data} />
            ) : live.tree.isError ? (
              <Failure error={live.tree.error} doing="load the objects" onRetry={() => live.tree.refetch()} />
            ) : (
              <Waiting>Loading the objects</Waiting>
            )}
          </Suspense>
        </div>
        <Suspense fallback={null}>
          {node && <ObjectDrawer key={search.node} app={app} record={live.record.data} tree={live.tree.data} node={node} onClose={() => show({ node: undefined, tab: undefined, log: undefined, lines: undefined })} />}
          {search.panel && <AppPanel app={app} record={live.record.data} tree={live.tree.data} panel={search.panel} onClose={() => show({ panel: undefined, tab: undefined })} />}
        </Suspense>
      </div>
    </div>
  );
}
