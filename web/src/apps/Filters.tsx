// What the list can be narrowed to, with how many applications there are of each.
import { Bookmark, Search, Trash2 } from "lucide-react";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import type { ApplicationFleet } from "../types";
import { Button, IconButton } from "../ui/Button";
import { HealthMark, PhaseMark, SyncMark } from "../ui/Status";
import type { Show } from "./Applications";
import styles from "./Filters.module.css";
import { clusterName } from "./row";
import { narrowed, toggled, type AppsSearch, type Filter } from "./search";
import { dropView, keepView, useViews } from "./views";

export const filterName: Record<Filter, string> = {
  sync: "Sync",
  health: "Health",
  operation: "Last operation",
  project: "Project",
  cluster: "Cluster",
  namespace: "Namespace",
  label: "Label",
  repo: "Repository",
  owner: "Owner",
};

const several: Partial<Record<Filter, string>> = { project: "projects", cluster: "clusters", namespace: "namespaces", label: "labels", repo: "repositories", owner: "owners" };

/** A value of a filter in the words of people. */
export function valueName(filter: Filter, value: string, names: ReadonlyMap<string, string>): string {
  if (filter === "cluster") return names.get(value) ?? (/^https?:/.test(value) ? clusterName({ server: value }, names) : value);
  if (filter === "repo") return value.replace(/^https?:\/\//, "").replace(/\.git$/, "");
  return value;
}

interface Props {
  search: AppsSearch;
  show: Show;
  fleet?: ApplicationFleet;
  names: ReadonlyMap<string, string>;
}

export function Filters({ search, show, fleet, names }: Props) {
  const fixed = (counts: Record<string, number> | undefined, words: string[]) => words.map((w): [string, number] => [w, counts?.[w] ?? 0]);
  const often = (counts: Record<string, number> | undefined) => Object.entries(counts ?? {}).sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
  const part = (filter: Filter, values: [string, number][], draw?: (value: string) => ReactNode) => (
    <Facet
      key={filter}
      filter={filter}
      values={values}
      chosen={search[filter] ?? []}
      name={(v) => valueName(filter, v, names)}
      draw={draw}
      onToggle={(v) => show((s) => toggled(s, filter, v))}
    />
  );
  return (
    <div className={styles.filters}>
      <Views search={search} show={show} />
      {part("sync", fixed(fleet?.counts?.sync, ["OutOfSync", "Unknown", "Synced"]), (v) => <SyncMark of={v} />)}
      {part("health", fixed(fleet?.counts?.health, ["Degraded", "Missing", "Progressing", "Suspended", "Unknown", "Healthy"]), (v) => <HealthMark of={v} />)}
      {part("operation", fixed(fleet?.operation, ["Running", "Failed", "Error", "Succeeded"]), (v) => <PhaseMark of={v} />)}
      {part("project", often(fleet?.project))}
      {part("cluster", often(merged(fleet?.cluster, names)))}
      {part("namespace", often(fleet?.namespace))}
      {part("label", often(fleet?.label))}
      {part("repo", often(fleet?.repo))}
      {part("owner", often(fleet?.owner))}
    </div>
  );
}

/** Some applications call a cluster by its server and some by its name: both are one cluster. */
function merged(counts: Record<string, number> | undefined, names: ReadonlyMap<string, string>): Record<string, number> {
  const servers = new Map([...names].map(([server, name]) => [name, server]));
  const out: Record<string, number> = {};
  for (const [cluster, n] of Object.entries(counts ?? {})) {
    const key = servers.get(cluster) ?? cluster;
    out[key] = (out[key] ?? 0) + n;
  }
  return out;
}

/** How many values are shown before one asks for more. */
const few = 6;

interface FacetProps {
  filter: Filter;
  values: [value: string, count: number][];
  chosen: string[];
  name: (value: string) => string;
  draw?: (value: string) => ReactNode;
  onToggle: (value: string) => void;
}

function Facet({ filter, values, chosen, name, draw, onToggle }: FacetProps) {
  const [words, setWords] = useState("");
  const [all, setAll] = useState(false);
  const others = chosen.filter((v) => !values.some(([known]) => known === v)).map((v): [string, number | undefined] => [v, undefined]);
  const list: [string, number | undefined][] = [...others, ...values];
  if (list.length === 0) return null;
  const long = list.length > few + 1;
  const wanted = words.trim().toLowerCase();
  const found = wanted ? list.filter(([v]) => (v + " " + name(v)).toLowerCase().includes(wanted)) : list;
  // What is chosen stays in sight.
  const shown = all || !long ? found : found.filter(([v], i) => i < few || chosen.includes(v));
  return (
    <fieldset className={styles.facet}>
      <legend>{filterName[filter]}</legend>
      {long && (
        <label className={styles.find}>
          <Search aria-hidden />
          <input
            type="text"
            value={words}
            placeholder={filter === "label" ? "Find, or tier in (a,b)" : "Find"}
            aria-label={filter === "label" ? "Find a label, or write a selector and press Enter" : `Find among the ${several[filter]}`}
            spellCheck={false}
            onChange={(e) => setWords(e.target.value)}
            onKeyDown={(e) => {
              if (e.key !== "Enter" || filter !== "label" || !wanted) return;
              onToggle(words.trim());
              setWords("");
            }}
          />
        </label>
      )}
      <ul className={styles.values}>
        {shown.slice(0, 200).map(([v, n]) => (
          <Value key={v} checked={chosen.includes(v)} count={n} title={v} onToggle={() => onToggle(v)}>
            {draw ? draw(v) : name(v)}
          </Value>
        ))}
      </ul>
      {found.length === 0 && <p className={styles.nothing}>{filter === "label" ? "No such label. Enter takes it as a selector." : "None of them."}</p>}
      {long && !wanted && (
        <button type="button" className={styles.more} aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${list.length}`}
        </button>
      )}
    </fieldset>
  );
}

function Value({ checked, count, title, onToggle, children }: { checked: boolean; count?: number; title: string; onToggle: () => void; children: ReactNode }) {
  const id = useId();
  return (
    <li className={`${styles.value} ${count === 0 && !checked ? styles.none : ""}`}>
      <input id={id} type="checkbox" checked={checked} onChange={onToggle} />
      <label htmlFor={id} title={title}>
        <span className={styles.name}>{children}</span>
        {count !== undefined && <span className={styles.count}>{count.toLocaleString()}</span>}
      </label>
    </li>
  );
}

/** Views that the reader has kept in this browser. The address is the view: it can be sent to others as it is. */
function Views({ search, show }: Pick<Props, "search" | "show">) {
  const views = useViews();
  const [naming, setNaming] = useState(false);
  const [name, setName] = useState("");
  const something = narrowed(search) || !!search.sort || !!search.view;
  const keep = (e: FormEvent) => {
    e.preventDefault();
    if (!name.trim()) return;
    keepView(name.trim(), search);
    setNaming(false);
    setName("");
  };
  if (views.length === 0 && !something) return null;
  return (
    <fieldset className={styles.facet}>
      <legend>Views</legend>
      <ul className={styles.values}>
        {views.map((v) => (
          <li key={v.name} className={styles.view}>
            <button type="button" onClick={() => show(v.search)} aria-current={JSON.stringify(v.search) === JSON.stringify(search) || undefined} title={v.name}>
              <Bookmark aria-hidden />
              <span className={styles.name}>{v.name}</span>
            </button>
            <IconButton label={`Forget the view ${v.name}`} onClick={() => dropView(v.name)}>
              <Trash2 />
            </IconButton>
          </li>
        ))}
      </ul>
      {naming ? (
        <form className={styles.naming} onSubmit={keep}>
          <input autoFocus type="text" value={name} maxLength={60} placeholder="Name of the view" aria-label="Name of the view" onChange={(e) => setName(e.target.value)} onKeyDown={(e) => e.key === "Escape" && (e.preventDefault(), e.stopPropagation(), setNaming(false))} />
          <Button small type="submit" disabled={!name.trim()}>
            Keep
          </Button>
        </form>
      ) : (
        something && (
          <button type="button" className={styles.more} onClick={() => setNaming(true)}>
            Keep this view…
          </button>
        )
      )}
    </fieldset>
  );
}
