import { useSearch } from "@tanstack/react-router";
import { ArrowDownToLine, CaseSensitive, Clock, Copy, Download, History, Maximize2, Minimize2, Regex, Search, TextWrap, X } from "lucide-react";
import { useCallback, useDeferredValue, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState, type KeyboardEvent } from "react";
import { ApiError, path, type Query } from "../../api";
import type { Line } from "../../logs/buffer";
import { bounds } from "../../logs/buffer";
import { keepLooks, looks, readChosen, readFilter, usual, writeChosen, writeFilter, type Chosen } from "../../logs/chosen";
import { matcher, type Filter } from "../../logs/filter";
import { levels, type Level } from "../../logs/level";
import { LogList } from "../../logs/LogList";
import styles from "../../logs/Logs.module.css";
import { lifeOf, podsOf, shortNames, type Pod } from "../../logs/pods";
import type { Sheet } from "../../logs/sheet";
import type { SourceState } from "../../logs/source";
import { doing, whyEmpty } from "../../logs/status";
import { plain } from "../../logs/text";
import { useLog } from "../../logs/useLog";
import { useMay, useSettings } from "../../session";
import type { Application, ApplicationTree, AppName, ObjectKey } from "../../types";
import { Button, IconButton } from "../../ui/Button";
import { copy } from "../../ui/clipboard";
import { Empty, Failure, Waiting } from "../../ui/Say";
import { useShow } from "../ApplicationPage";
import { of, policyObject } from "../data";
import type { AppSearch } from "../search";
import { useContainers } from "./containers";

interface Props {
  app: AppName;
  record: Application;
  tree?: ApplicationTree;
  node: ObjectKey;
}

/** What a pod prints, or all pods of a workload. */
export function Logs({ app, record, tree, node }: Props) {
  const may = useMay("logs", "get", policyObject(record, useSettings()?.controllerNamespace));
  if (may === undefined) return <Waiting>Opening the log</Waiting>;
  if (!may) return <Failure error={new ApiError(403, "Your roles do not allow logs, get on this application.")} doing="read logs here" />;
  return <LogsOf app={app} record={record} tree={tree} node={node} />;
}

function LogsOf({ app, tree, node }: Props) {
  const [chosen, choose] = useChosen();
  const [filter, setFilter] = useFilter();
  const [look, setLook] = useState(looks);
  const [follow, setFollow] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const [full, setFull] = useWholeWindow(box);
  const find = useRef<HTMLInputElement>(null);

  const pods = useMemo(() => podsOf(tree, node), [tree, node.group, node.kind, node.namespace, node.name]);
  const pod = node.kind === "Pod" ? node.name : pods.some((p) => p.name === chosen.pod) ? chosen.pod : "";
  const meant = useMemo(() => (pod ? pods.filter((p) => p.name === pod) : pods), [pods, pod]);
  const containers = useContainers(app, meant[meant.length - 1]).data?.all.map((c) => c.name) ?? [];

  const [at, query] = request(app, node, pod, chosen);
  const { sheet, state } = useLog(at, query, meant, chosen.previous);
  useCounts(sheet);

  const settled = useDeferredValue(filter);
  const wanted = useMemo(() => matcher(settled), [settled]);
  useEffect(() => sheet.want({ matches: wanted.matches, levels: chosen.levels }), [sheet, wanted, chosen.levels]);

  const prefixes = usePrefixes(sheet, !pod && pods.length > 1);
  const change = (l: Partial<typeof look>) => {
    const next = { ...look, ...l };
    setLook(next);
    keepLooks(next);
  };

  const copyLine = useCallback((line: Line) => copy(line.text, "the line"), []);
  const shown = () => plain(Array.from({ length: sheet.length }, (_, i) => sheet.line(i)!), sheet.origins, sheet.origins.length > 1);
  const download = () => save(shown(), `${[app.name, pod || node.name, chosen.container].filter(Boolean).join("-")}.log`);

  const onKeyDown = (e: KeyboardEvent) => {
    const typing = e.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
    if (e.key === "Escape" && (full || e.target === find.current)) {
      if (e.target === find.current && filter.text) setFilter({ ...filter, text: "" });
      else if (e.target === find.current) box.current?.querySelector<HTMLElement>("[role=log]")?.focus();
      else setFull(false);
      e.preventDefault(); // or the drawer would close
      e.stopPropagation();
      return;
    }
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "f") setFollow(!follow);
    else if (e.key === "w") change({ wrap: !look.wrap });
    else if (e.key === "t") change({ times: !look.times });
    else if (e.key === "/") find.current?.focus();
    else return;
    e.preventDefault();
  };

  const refused = state.is === "refused" ? state.error : undefined;
  return (
    <div ref={box} className={`${styles.logs} ${full ? styles.full : ""}`} onKeyDown={onKeyDown}>
      <div className={styles.bar}>
        {node.kind !== "Pod" && (
          <Pick label="Pod" value={pod} onChange={(pod) => choose({ pod, container: "" })}>
            <option value="">{pods.length === 1 ? "The only one" : `All ${pods.length}`}</option>
            {pods.map((p) => (
              <option key={p.uid} value={p.name}>
                {p.name} ({p.reason || "?"})
              </option>
            ))}
          </Pick>
        )}
        <Pick label="Container" value={chosen.container} onChange={(container) => choose({ container })}>
          <option value="">All</option>
          {[...new Set([...containers, ...(chosen.container ? [chosen.container] : [])])].map((c) => (
            <option key={c}>{c}</option>
          ))}
        </Pick>
        <Pick label="Since" value={String(chosen.since)} onChange={(s) => choose({ since: Number(s) })}>
          {since.map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </Pick>
        <Pick label="Lines" value={String(chosen.tail)} onChange={(n) => choose({ tail: Number(n) })} title="How many of the newest lines of each container are loaded at first">
          {[100, 1000, 10_000, 50_000, 0].map((n) => (
            <option key={n} value={n}>
              {n ? "last " + n.toLocaleString() : "all"}
            </option>
          ))}
        </Pick>
        <span className={styles.grow} />
        <span className={styles.tools} role="group" aria-label="How the log is shown">
          <IconButton label="The run before the container was restarted" aria-pressed={chosen.previous} onClick={() => choose({ previous: !chosen.previous })}>
            <History />
          </IconButton>
          <IconButton label="Follow: stay at the newest line (F)" aria-pressed={follow} onClick={() => setFollow(!follow)}>
            <ArrowDownToLine />
          </IconButton>
          <IconButton label="Wrap long lines (W)" aria-pressed={look.wrap} onClick={() => change({ wrap: !look.wrap })}>
            <TextWrap />
          </IconButton>
          <IconButton label="Times (T)" aria-pressed={look.times} onClick={() => change({ times: !look.times })}>
            <Clock />
          </IconButton>
          <IconButton label="Copy all lines shown" disabled={!sheet.length} onClick={() => copy(shown(), `${sheet.length.toLocaleString()} lines`)}>
            <Copy />
          </IconButton>
          <IconButton label="Download all lines shown" disabled={!sheet.length} onClick={download}>
            <Download />
          </IconButton>
          <IconButton label={full ? "Leave the whole window (Escape)" : "Use the whole window"} aria-pressed={full} onClick={() => setFull(!full)}>
            {full ? <Minimize2 /> : <Maximize2 />}
          </IconButton>
        </span>
      </div>
      <div className={styles.bar}>
        <FindField inputRef={find} filter={filter} onChange={setFilter} error={wanted.error} />
        <LevelButtons sheet={sheet} chosen={chosen.levels} onChange={(levels) => choose({ levels })} />
      </div>
      {wanted.error && (
        <p className={styles.wrongText} role="alert">
          This is no regular expression: {wanted.error}
        </p>
      )}
      {chosen.search ? (
        <div className={styles.status}>
          <span>
            Only lines with <strong>{chosen.search}</strong> are loaded, from the whole log.
          </span>
          <Button small icon={<X />} onClick={() => choose({ search: "", tail: usual.tail })}>
            Load all lines
          </Button>
        </div>
      ) : (
        wanted.word &&
        chosen.tail > 0 && (
          <div className={styles.status}>
            <span>Looked for in the lines that are loaded.</span>
            <Button small icon={<Search />} onClick={() => choose({ search: wanted.word!, tail: 0 })}>
              Search the whole log for “{wanted.word}”
            </Button>
          </div>
        )
      )}
      {sheet.buffer.length === 0 && !sheet.busy ? (
        <div className={styles.instead}>
          <Instead state={state} kind={node.kind} pods={meant} previous={chosen.previous} search={chosen.search} onPresent={() => choose({ previous: false })} onAll={chosen.container ? () => choose({ container: "" }) : undefined} />
        </div>
      ) : (
        <LogList sheet={sheet} wrap={look.wrap} times={look.times} mark={wanted.mark} prefixes={prefixes} follow={follow} onFollow={setFollow} onCopy={copyLine} />
      )}
      {refused && sheet.buffer.length > 0 && <Failure error={refused} doing="go on reading the log" />}
      <div className={styles.status}>
        <span className={styles.state} role="status">
          {doing(state.is, meant, chosen.previous)}
        </span>
        <span>
          {sheet.length === sheet.buffer.length ? `${sheet.length.toLocaleString()} lines` : `${sheet.length.toLocaleString()} of ${sheet.buffer.length.toLocaleString()} lines`}
        </span>
        {sheet.buffer.dropped > 0 && (
          <span title={`At most ${bounds.lines.toLocaleString()} lines are kept. Choose a pod, a container or a shorter time, or search the whole log.`}>
            {sheet.buffer.dropped.toLocaleString()} older lines were let go
          </span>
        )}
        <span className={styles.keys}>
          <kbd>/</kbd> filter <kbd>f</kbd> follow <kbd>w</kbd> wrap <kbd>j</kbd> <kbd>k</kbd> line by line
        </span>
      </div>
    </div>
  );
}

const since: [number, string][] = [
  [0, "the beginning"],
  [60, "1 min"],
  [300, "5 min"],
  [900, "15 min"],
  [3600, "1 h"],
  [6 * 3600, "6 h"],
  [24 * 3600, "24 h"],
];

function request(app: AppName, node: ObjectKey, pod: string, c: Chosen): [at: string, query: Query] {
  const query: Query = {
    ...of(app),
    namespace: node.namespace,
    container: c.container,
    sinceSeconds: c.since || undefined,
    tailLines: c.tail || undefined,
    previous: c.previous,
    follow: !c.previous,
    filter: c.search || undefined,
  };
  if (pod) return [path`/api/v1/applications/${app.name}/pods/${pod}/logs`, query];
  return [path`/api/v1/applications/${app.name}/logs`, { ...query, kind: node.kind, group: node.group, resourceName: node.name }];
}

/** Over everything else, also over a dialog: the browser's top layer is where popovers stand. */
function useWholeWindow(box: React.RefObject<HTMLDivElement | null>): [boolean, (full: boolean) => void] {
  const [full, setFull] = useState(false);
  useLayoutEffect(() => {
    const el = box.current;
    if (!el || !full) return;
    const focused = document.activeElement as HTMLElement | null;
    const back = () => focused && el.contains(focused) && focused.focus({ preventScroll: true });
    el.popover = "manual";
    el.showPopover();
    back();
    return () => {
      el.hidePopover();
      el.popover = null;
      back();
    };
  }, [full, box]);
  return [full, setFull];
}

/** Draws what is around the list a few times a second: only the list itself is drawn with each picture. */
function useCounts(sheet: Sheet): void {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    let timer = 0;
    const leave = sheet.subscribe(() => {
      timer ||= window.setTimeout(() => {
        timer = 0;
        draw();
      }, 120);
    });
    return () => {
      leave();
      window.clearTimeout(timer);
    };
  }, [sheet]);
}

function useChosen(): [Chosen, (change: Partial<Chosen>) => void] {
  const { log } = useSearch({ strict: false }) as AppSearch;
  const show = useShow();
  const chosen = useMemo(() => readChosen(log), [log]);
  return [chosen, (change) => show({ log: writeChosen({ ...chosen, ...change }) }, true)];
}

/** The filter works as it is typed; the address follows when the typing rests. */
function useFilter(): [Filter, (filter: Filter) => void] {
  const { lines } = useSearch({ strict: false }) as AppSearch;
  const show = useShow();
  const [filter, setFilter] = useState(() => readFilter(lines));
  const text = writeFilter(filter);
  useEffect(() => {
    if (text === lines) return;
    const timer = window.setTimeout(() => show({ lines: text }, true), 400);
    return () => window.clearTimeout(timer);
  }, [text]);
  return [filter, setFilter];
}

/** What stands before lines, by origin: the part of the pod's name that others do not have, and the container's if pods have several. */
function usePrefixes(sheet: Sheet, several: boolean): string[] {
  const count = sheet.origins.length;
  return useMemo(() => {
    const containers = new Set(sheet.origins.map((o) => o.container)).size > 1;
    const names = [...new Set(sheet.origins.map((o) => o.pod))];
    const short = shortNames(names);
    const out = sheet.origins.map((o) => [several || names.length > 1 ? short.get(o.pod)! : "", containers ? o.container : ""].filter(Boolean).join(" "));
    const width = Math.min(28, Math.max(0, ...out.map((p) => p.length)));
    return out.map((p) => (p && p.length > width ? "…" + p.slice(1 - width) : p).padEnd(width));
  }, [sheet, count, several]);
}

function Pick({ label, value, onChange, title, children }: { label: string; value: string; onChange: (value: string) => void; title?: string; children: React.ReactNode }) {
  return (
    <label className={styles.pick} title={title}>
      {label}
      <select value={value} onChange={(e) => onChange(e.target.value)}>
        {children}
      </select>
    </label>
  );
}

function FindField({ inputRef, filter, onChange, error }: { inputRef: React.RefObject<HTMLInputElement | null>; filter: Filter; onChange: (f: Filter) => void; error?: string }) {
  return (
    <div className={`${styles.find} ${error ? styles.wrong : ""}`} role="search" aria-label="Lines of the log">
      <Search aria-hidden />
      <input
        ref={inputRef}
        value={filter.text}
        onChange={(e) => onChange({ ...filter, text: e.target.value })}
        placeholder={filter.regex ? "Lines that match an expression" : 'Lines with words, "a phrase", -without'}
        aria-label="Show lines with"
        aria-invalid={!!error || undefined}
        spellCheck={false}
        autoComplete="off"
      />
      {filter.text && (
        <IconButton label="Show all lines" onClick={() => onChange({ ...filter, text: "" })}>
          <X />
        </IconButton>
      )}
      <IconButton label="Match case" aria-pressed={filter.matchCase} onClick={() => onChange({ ...filter, matchCase: !filter.matchCase })}>
        <CaseSensitive />
      </IconButton>
      <IconButton label="Regular expression" aria-pressed={filter.regex} onClick={() => onChange({ ...filter, regex: !filter.regex })}>
        <Regex />
      </IconButton>
    </div>
  );
}

function LevelButtons({ sheet, chosen, onChange }: { sheet: Sheet; chosen: readonly Level[]; onChange: (levels: Level[]) => void }) {
  return (
    <div className={styles.levels} role="group" aria-label="Show only lines of a level">
      {levels.map((level) => {
        const on = chosen.includes(level);
        return (
          <button key={level} type="button" className={styles.levelButton} aria-pressed={on} onClick={() => onChange(levels.filter((l) => (l === level ? !on : chosen.includes(l))))}>
            <span className={`${styles.level} ${styles[level]}`} aria-hidden />
            {level} <span className={styles.count}>{sheet.buffer.levels[level].toLocaleString()}</span>
          </button>
        );
      })}
    </div>
  );
}

/** What stands in the place of the list while it has no line. */
function Instead({ state, kind, pods, previous, search, onPresent, onAll }: { state: SourceState; kind: string; pods: Pod[]; previous: boolean; search: string; onPresent: () => void; /** One container is chosen: shows all. */ onAll?: () => void }) {
  if (previous && state.is === "refused" && /previous terminated container/.test(state.error.message)) {
    return (
      <Empty title="There is no earlier run">
        <p>The container has not been restarted, or Kubernetes no longer keeps what it printed before.</p>
        <Button onClick={onPresent}>Show the present run</Button>
      </Empty>
    );
  }
  const waits = pods.length > 0 && pods.every((p) => lifeOf(p) === "waiting");
  if (state.is === "refused" && !waits) {
    return (
      <>
        <Failure error={state.error} doing="read the log" />
        {onAll && state.error.status === 404 && (
          <Button className={styles.wayOut} onClick={onAll}>
            Show all containers
          </Button>
        )}
      </>
    );
  }
  if (state.is === "connecting") return <Waiting>Opening the log</Waiting>;
  if (search) return <Empty title={`No line has “${search}”`}>{state.is === "live" && <p>The whole log is being read. What is printed from now on is looked at, too.</p>}</Empty>;
  const { title, text } = whyEmpty(state.is, pods, kind, previous);
  return (
    <Empty title={title}>
      {text && <p>{text}</p>}
      {previous && <Button onClick={onPresent}>Show the present run</Button>}
    </Empty>
  );
}

function save(text: string, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
