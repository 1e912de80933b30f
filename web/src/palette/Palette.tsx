// The command palette: one field that finds applications on the server, the page's screens, and what can be done with the
// application that one is at.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CalendarClock, CircleHelp, FileText, GitCompareArrows, History, Info, Layers, LogOut, Monitor, Moon, Pencil, Plus, RefreshCw, Settings as SettingsIcon, Sun, SquareTerminal, Trash2, Upload, UserRound, type LucideIcon } from "lucide-react";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { get } from "../api";
import { nodeOf, type AppSearch } from "../app/search";
import { treeQuery } from "../app/data";
import { logOut } from "../session";
import { places } from "../settings/places";
import { chooseTheme } from "../shell/theme";
import type { Application, ApplicationPage, AppName, ObjectKey } from "../types";
import { HealthMark, SyncMark } from "../ui/Status";
import { sayFailure } from "../ui/Toast";
import { refresh, useGoTo, useHere } from "./actions";
import styles from "./Palette.module.css";
import { ranked } from "./rank";
import { recent } from "./recent";
import { Keys } from "./ShortcutHelp";
import { shortcuts, type Action } from "./shortcuts";

interface Command {
  id: string;
  title: string;
  /** More words by which it is found, and that stand beside it. */
  beside?: string;
  icon: LucideIcon;
  keys?: string[];
  app?: Application;
  run: () => void;
}

interface Group {
  title: string;
  commands: Command[];
}

const none: Application[] = [];
const keysOf = (action: Action) => shortcuts.find((s) => s.run === action)?.keys;
const workloads = ["Deployment", "StatefulSet", "DaemonSet", "Rollout", "Job", "CronJob"];

export function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const found = useApplications(text);
  const groups = useGroups(text, found.data ?? none, onHelp);
  const all = groups.flatMap((g) => g.commands);
  const at = Math.min(chosen, all.length - 1);

  useEffect(() => {
    const element = dialog.current!;
    const from = document.activeElement as HTMLElement | null;
    if (!element.open) element.showModal();
    return () => {
      element.close();
      from?.focus?.();
    };
  }, []);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at, text]);

  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKey = (e: KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: e.ctrlKey ? 0 : undefined, End: e.ctrlKey ? all.length - 1 : undefined, PageDown: at + 8, PageUp: at - 8 }[e.key];
    if (to !== undefined && all.length > 0) {
      e.preventDefault();
      const step = e.key.startsWith("Arrow");
      setChosen(step ? (to + all.length) % all.length : Math.max(0, Math.min(all.length - 1, to)));
    }
    if (e.key === "Enter" && !e.nativeEvent.isComposing) {
      e.preventDefault();
      run(all[at]);
    }
  };
  let n = 0;
  return (
    <dialog
      ref={dialog}
      data-palette
      className={styles.palette}
      aria-label="Search or jump to"
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onMouseDown={(e) => {
        if (e.target === dialog.current) onClose();
      }}
    >
      <div className={styles.inside}>
        <input
          className={styles.input}
          role="combobox"
          aria-label="Search applications, screens and actions"
          aria-expanded={all.length > 0}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={all[at] ? `${id}-${at}` : undefined}
          placeholder="Search applications, screens and actions"
          autoComplete="off"
          spellCheck={false}
          autoFocus
          value={text}
          onChange={(e) => {
            setText(e.target.value);
            setChosen(0);
          }}
          onKeyDown={onKey}
        />
        <div ref={list} id={id} role="listbox" aria-label="What was found" className={styles.list} tabIndex={-1}>
          {groups.map((g) => (
            <div key={g.title} role="group" aria-label={g.title}>
              <div className={styles.group} aria-hidden>
                {g.title}
              </div>
              {g.commands.map((c) => {
                const i = n++;
                return <Option key={c.id} id={`${id}-${i}`} command={c} chosen={i === at} onHover={() => setChosen(i)} onRun={() => run(c)} />;
              })}
            </div>
          ))}
        </div>
        {all.length === 0 && !found.isFetching && <p className={styles.none}>Nothing has these words. Names, projects, clusters, namespaces, repositories and labels of applications are searched.</p>}
        {found.isError && <p className={styles.none}>Applications could not be searched: {found.error.message}</p>}
        <div className="unseen" role="status">
          {found.isFetching ? "Searching" : all.length === 1 ? "1 found" : `${all.length} found`}
        </div>
        <footer className={styles.foot} aria-hidden>
          <span>
            <Keys of={["↑", "↓"]} /> choose
          </span>
          <span>
            <Keys of={["Enter"]} /> go
          </span>
          <span>
            <Keys of={["Escape"]} /> close
          </span>
          {found.isFetching && <span className={styles.searching}>Searching…</span>}
        </footer>
      </div>
    </dialog>
  );
}

function Option({ id, command: c, chosen, onHover, onRun }: { id: string; command: Command; chosen: boolean; onHover: () => void; onRun: () => void }) {
  return (
    <div id={id} role="option" aria-selected={chosen} className={styles.option} onMouseMove={chosen ? undefined : onHover} onClick={onRun}>
      <c.icon aria-hidden />
      <span className={styles.title}>
        {c.title}
        {c.beside && <small>{c.beside}</small>}
      </span>
      {c.app && (
        <span className={styles.marks}>
          <SyncMark of={c.app.status?.sync?.status} bare /> <HealthMark of={c.app.status?.health?.status} bare />
        </span>
      )}
      {c.keys && <Keys of={c.keys} />}
    </div>
  );
}

/** Applications that the server finds, asked for when the typing pauses. */
function useApplications(text: string) {
  const [settled, setSettled] = useState("");
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text.trim()), 150);
    return () => window.clearTimeout(timer);
  }, [text]);
  return useQuery({
    queryKey: ["palette", settled],
    queryFn: ({ signal }) =>
      get<ApplicationPage>(
        "/api/v1/applications",
        { search: settled, limit: 10, fields: "items.metadata.name,items.metadata.namespace,items.spec.project,items.spec.destination,items.status.sync.status,items.status.health.status" },
        signal,
      ).then((p) => p.items ?? []),
    enabled: settled !== "",
    placeholderData: (before) => (text.trim() === "" ? undefined : before),
    staleTime: 5_000,
  });
}

function useGroups(text: string, found: Application[], onHelp: () => void): Group[] {
  const here = useHere();
  const navigate = useNavigate();
  const goTo = useGoTo();
  const queries = useQueryClient();
  const typed = text.trim();
  return useMemo(() => {
    const settings = (section: string) => () => void navigate({ to: "/settings/$section", params: { section } });
    const application = (a: AppName): Command => ({ id: `app ${a.namespace}/${a.name}`, title: a.name, beside: a.namespace, icon: Layers, run: () => goTo(a) });
    const screens: Command[] = [
      { id: "applications", title: "Applications", icon: Layers, keys: keysOf("applications"), run: () => void navigate({ to: "/applications" }) },
      { id: "new", title: "New application", icon: Plus, run: () => void navigate({ to: "/new" }) },
      { id: "settings", title: "Settings", icon: SettingsIcon, keys: keysOf("settings"), run: () => void navigate({ to: "/settings" }) },
      ...places.map((p) => ({ id: p.path, title: p.title, beside: "Settings", icon: p.icon, run: settings(p.path) })),
      { id: "user", title: "What may I do?", beside: "User info", icon: UserRound, keys: keysOf("user"), run: () => void navigate({ to: "/user-info" }) },
      { id: "help", title: "Help", beside: "What the words mean", icon: CircleHelp, run: () => void navigate({ to: "/help" }) },
      { id: "shortcuts", title: "Keyboard shortcuts", icon: CircleHelp, keys: keysOf("help"), run: onHelp },
      { id: "dark", title: "Dark theme", icon: Moon, run: () => chooseTheme("dark") },
      { id: "light", title: "Light theme", icon: Sun, run: () => chooseTheme("light") },
      { id: "system", title: "Theme as the system has it", icon: Monitor, run: () => chooseTheme("system") },
      { id: "logout", title: "Log out", icon: LogOut, run: () => void logOut().catch((e) => sayFailure("log out", e)) },
    ];
    const actions: Command[] = !here
      ? []
      : [
          ["sync", "Sync…", Upload, { panel: "sync" }, keysOf("sync")] as const,
          ["refresh", "Refresh", RefreshCw, () => void refresh(here), keysOf("refresh")] as const,
          ["hard", "Hard refresh", RefreshCw, () => void refresh(here, true), undefined] as const,
          ["diff", "Diff", GitCompareArrows, { panel: "diff" }, keysOf("diff")] as const,
          ["history", "History and rollback", History, { panel: "history" }, keysOf("history")] as const,
          ["events", "Events", CalendarClock, { panel: "events" }, keysOf("events")] as const,
          ["operation", "Last operation", SquareTerminal, { panel: "operation" }, undefined] as const,
          ["details", "Details", Info, { panel: "details" }, keysOf("details")] as const,
          ["edit", "Edit", Pencil, { panel: "edit" }, undefined] as const,
          ["delete", "Delete…", Trash2, { panel: "delete" }, undefined] as const,
        ].map(([id, title, icon, to, keys]) => ({ id: `here ${id}`, title, icon, keys, run: typeof to === "function" ? to : () => goTo(here, to as AppSearch) }));
    if (here) {
      const nodes = queries.getQueryData(treeQuery(here).queryKey)?.nodes ?? [];
      const running = nodes.filter((node) => workloads.includes(node.kind ?? "") && !node.parentRefs?.length);
      for (const node of running.slice(0, typed ? 50 : 3)) {
        const k: ObjectKey = { group: node.group ?? "", kind: node.kind ?? "", namespace: node.namespace ?? "", name: node.name ?? "" };
        actions.push({ id: `here logs ${nodeOf(k)}`, title: `Logs of ${k.kind} ${k.name}`, icon: FileText, run: () => goTo(here, { node: nodeOf(k), tab: "logs", panel: undefined }) });
      }
    }
    if (!typed) {
      const others = recent().filter((a) => a.name !== here?.name || a.namespace !== here?.namespace);
      return filled([
        { title: here ? `On ${here.name}` : "", commands: actions },
        { title: "Visited lately", commands: others.map(application) },
        { title: "Screens", commands: screens },
      ]);
    }
    const texts = (c: Command) => [c.title, `${c.beside ?? ""} ${c.title}`];
    const apps = found.map((a): Command => ({ ...application({ namespace: a.metadata?.namespace ?? "", name: a.metadata?.name ?? "" }), beside: [a.spec?.project, a.spec?.destination?.namespace].filter(Boolean).join(" · "), app: a }));
    return filled([
      { title: here ? `On ${here.name}` : "", commands: ranked(typed, actions, texts).slice(0, 6) },
      { title: "Applications", commands: ranked(typed, apps, (c) => [c.title]).concat(apps.filter((c) => ranked(typed, [c], (x) => [x.title]).length === 0)) },
      { title: "Screens and actions", commands: ranked(typed, screens, texts).slice(0, 6) },
    ]);
  }, [typed, found, here?.namespace, here?.name]);
}

const filled = (groups: Group[]) => groups.filter((g) => g.commands.length > 0);
