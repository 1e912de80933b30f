import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useMemo } from "react";
import type { Application, ApplicationTree, AppName, ObjectKey } from "../../types";
import { Waiting } from "../../ui/Say";
import { HealthMark, SyncMark } from "../../ui/Status";
import { Tabs } from "../../ui/Tabs";
import { useShow } from "../ApplicationPage";
import { visible } from "../../yaml/text";
import { Actions } from "./Actions";
import { diffQuery, useLiveObject } from "./data";
import { Events } from "./Events";
import { factsOf } from "./facts";
import { Frame } from "./Frame";
import { moreTabs } from "./moreTabs";
import { Summary } from "./Summary";
import styles from "./ObjectDrawer.module.css";

const Manifest = lazy(() => import("./Manifest").then((m) => ({ default: m.Manifest })));
const DiffTab = lazy(() => import("./DiffTab").then((m) => ({ default: m.DiffTab })));

interface Props {
  app: AppName;
  record: Application;
  tree?: ApplicationTree;
  node: ObjectKey;
  onClose: () => void;
}

/** All that is known of one object, and what can be done with it. */
export function ObjectDrawer({ app, record, tree, node: key, onClose }: Props) {
  const show = useShow();
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const facts = useMemo(() => factsOf(app, record, tree, key), [app, record, tree, key.group, key.kind, key.namespace, key.name]);
  const live = useLiveObject(app, facts, record);
  const diff = useQuery({ ...diffQuery(app, key), enabled: !facts.itself && !facts.orphan && facts.owners.length === 0 });
  const compared = diff.data !== null && (diff.data !== undefined || facts.status !== undefined);

  const tabs = [
    { value: "summary", label: "Summary", content: <Summary app={app} record={record} facts={facts} live={live} diff={diff.data ?? undefined} /> },
    { value: "manifest", label: "Manifest", content: <Manifest app={app} record={record} facts={facts} live={live} diff={diff.data ?? undefined} /> },
    ...(compared && !facts.itself
      ? [{ value: "diff", label: <DiffLabel count={diff.data?.changes?.length} />, content: <DiffTab app={app} record={record} facts={facts} diff={diff} /> }]
      : []),
    ...(facts.missing ? [] : [{ value: "events", label: "Events", content: <Events app={app} facts={facts} /> }]),
    ...moreTabs.filter((t) => t.when(facts)).map(({ value, label, Content }) => ({ value, label, fills: true, content: <Content app={app} record={record} tree={tree} node={key} /> })),
  ].map((t) => ({
    ...t,
    content: (
      <div className={"fills" in t ? `${styles.content} ${styles.fills}` : styles.content}>
        <Suspense fallback={<Waiting>Loading</Waiting>}>{t.content}</Suspense>
      </div>
    ),
  }));
  // A part after a dot is the tab's own: manifest.desired.
  const wanted = search.tab?.split(".")[0];
  const tab = tabs.some((t) => t.value === wanted) ? wanted! : "summary";

  return (
    <Frame
      onClose={onClose}
      title={
        <span className={styles.title}>
          <span className={styles.kind}>{key.kind}</span>
          <span>{visible(key.name)}</span>
        </span>
      }
    >
      <div className={styles.top}>
        {facts.status && <SyncMark of={facts.status.status} />}
        {facts.node?.health && <HealthMark of={facts.node.health.status} title={facts.node.health.message} />}
        {facts.orphan && <span className={styles.quiet}>Orphaned: it belongs to nobody</span>}
        <Actions app={app} record={record} facts={facts} />
      </div>
      <Tabs label={`${key.kind} ${key.name}`} value={tab} onChange={(t) => show({ tab: t === "summary" ? undefined : t }, true)} tabs={tabs} />
    </Frame>
  );
}

function DiffLabel({ count }: { count?: number }) {
  return (
    <>
      Diff
      {count ? (
        <span className={styles.badge}>
          {count}
          <span className="unseen">{count === 1 ? " field differs" : " fields differ"}</span>
        </span>
      ) : null}
    </>
  );
}
