// The page's home: what the fleet is like, and every application in it.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Anchor, SearchX } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { useMay, useSettings } from "../session";
import { useTitle } from "../shell/Shell";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Empty, Failure, Waiting } from "../ui/Say";
import styles from "./Applications.module.css";
import { BulkBar } from "./BulkBar";
import { BulkDialog, type Bulk } from "./BulkDialog";
import { Chips } from "./Chips";
import { fleetQuery, pageQuery, useClusters, useLiveList, useLookAgain } from "./data";
import { Filters } from "./Filters";
import { Fleet } from "./Fleet";
import { List, type ListHandle } from "./List";
import { cleared, filters, narrowed, type AppsSearch } from "./search";
import type { Selection } from "./selection";
import { Toolbar } from "./Toolbar";
import { useRoom } from "./room";

export type Show = (change: AppsSearch | ((s: AppsSearch) => AppsSearch), replace?: boolean) => void;

export function Applications() {
  useTitle("Applications");
  const search = useSearch({ from: "/inside/applications" });
  const navigate = useNavigate({ from: "/applications" });
  const show: Show = (change, replace = false) => void navigate({ search: typeof change === "function" ? change : () => change, replace, resetScroll: false });

  useLookAgain();
  // What was found stays on the screen until there is something new to see.
  const first = useQuery(pageQuery(search, 0));
  const settled = useRef(search);
  if (first.data || first.isError) settled.current = search;
  const shown = useQuery(pageQuery(settled.current, 0));
  const fleet = useQuery(fleetQuery(search));
  const live = useLiveList(first.data?.metadata?.resourceVersion);
  const clusters = useClusters();
  const names = useMemo(() => new Map(clusters.map((c) => [c.server ?? "", c.name ?? ""])), [clusters]);

  const [selection, setSelection] = useState<Selection>(new Map());
  const [bulk, setBulk] = useState<Bulk>();
  const [filtering, setFiltering] = useState(false);
  const room = useRoom();
  const list = useRef<ListHandle>(null);
  const mayCreate = useMay("applications", "create", "*/*");
  const control = useSettings()?.controllerNamespace;

  const everything = fleet.data?.fleet?.counts?.total;
  const total = shown.data?.counts?.total ?? 0;
  if (everything === 0 && !narrowed(search)) return <None mayCreate={mayCreate} control={control} />;

  const panel = <Filters search={search} show={show} fleet={fleet.data?.fleet} names={names} />;
  return (
    <div className={styles.page}>
      <Fleet search={search} show={show} counts={fleet.data?.counts} everything={everything} clusters={clusters} names={names} />
      <Toolbar
        search={search}
        show={show}
        live={live}
        mayCreate={mayCreate}
        active={filters.reduce((n, f) => n + (search[f]?.length ?? 0), 0)}
        onFilters={room.side ? undefined : () => setFiltering(true)}
        onDown={() => list.current?.enter()}
      />
      <div className={styles.body}>
        {room.side && (
          <aside className={styles.side} aria-label="Filters">
            {panel}
          </aside>
        )}
        <section className={styles.found} aria-label="Applications">
          <Chips search={search} show={show} names={names} found={shown.data ? total : undefined} />
          {shown.isPending ? (
            <Waiting>Loading the applications</Waiting>
          ) : shown.isError && !shown.data ? ( // a look that fails takes nothing away that is shown
            <Failure error={shown.error} doing="load the applications" onRetry={() => shown.refetch()} />
          ) : total === 0 ? (
            <Empty title="No application matches" icon={<SearchX />}>
              <p>
                {everything === undefined ? "There are others" : `There ${everything === 1 ? "is 1 application" : `are ${everything.toLocaleString()} applications`}`} that you may see, and none that
                holds all that you ask for.
              </p>
              <Button onClick={() => show(cleared)}>Clear the filters</Button>
            </Empty>
          ) : (
            <List
              ref={list}
              search={settled.current}
              total={total}
              names={names}
              late={first.isPending && first.fetchStatus === "fetching"}
              selection={selection}
              onSelection={setSelection}
              onBulk={setBulk}
              onSort={(sort) => show(({ sort: _, ...s }) => (sort ? { ...s, sort } : s))}
            />
          )}
        </section>
      </div>
      {selection.size > 0 && <BulkBar search={settled.current} total={total} selection={selection} onSelection={setSelection} onBulk={setBulk} />}
      {bulk && <BulkDialog bulk={bulk} onClose={() => setBulk(undefined)} />}
      {filtering && !room.side && (
        <Dialog
          title="Filters"
          place="side"
          width="narrow"
          onClose={() => setFiltering(false)}
          actions={
            <>
              <Button disabled={!narrowed(search)} onClick={() => show(cleared)}>
                Clear
              </Button>
              <Button look="primary" onClick={() => setFiltering(false)}>
                Show {total.toLocaleString()} application{total === 1 ? "" : "s"}
              </Button>
            </>
          }
        >
          {panel}
        </Dialog>
      )}
    </div>
  );
}

/** For a fleet that has yet to begin. */
function None({ mayCreate, control = "argocd" }: { mayCreate?: boolean; control?: string }) {
  return (
    <Empty title="No applications yet" icon={<Anchor />}>
      <p>An application says which folder of a Git repository is to run in which cluster. Hawser then keeps the cluster as Git says.</p>
      {mayCreate ? (
        <>
          <Link to="/new">
            <Button look="primary" tabIndex={-1}>
              New application
            </Button>
          </Link>
          <p>or from a terminal:</p>
          <pre tabIndex={0} aria-label="Commands that create an application">
            {`hawser app create guestbook \\
  --repo https://git.example.com/acme/platform.git --path services/guestbook \\
  --dest-server https://kubernetes.default.svc --dest-namespace guestbook

kubectl apply -n ${control} -f application.yaml`}
          </pre>
        </>
      ) : (
        <p>
          There may be applications that you are not permitted to see: <Link to="/user-info">what may I do?</Link>
        </p>
      )}
    </Empty>
  );
}
