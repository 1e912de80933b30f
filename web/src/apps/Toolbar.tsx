import { useNavigate } from "@tanstack/react-router";
import { LayoutGrid, ListFilter, Plus, Search, Table2, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { StreamState } from "../stream";
import { Button, IconButton } from "../ui/Button";
import type { Show } from "./Applications";
import type { AppsSearch } from "./search";
import styles from "./Toolbar.module.css";

interface Props {
  search: AppsSearch;
  show: Show;
  live: StreamState;
  mayCreate?: boolean;
  /** How many filters there are. */
  active: number;
  /** Opens the filters, where they do not stand beside the list. */
  onFilters?: () => void;
  /** From the search into the list. */
  onDown: () => void;
}

const orders: [value: string, label: string][] = [
  ["", "Name"],
  ["health", "Worst health first"],
  ["sync", "Out of sync first"],
  ["-operation", "Latest operation first"],
  ["-created", "Newest first"],
  ["project", "Project"],
  ["destination", "Destination"],
];

export function Toolbar({ search, show, live, mayCreate, active, onFilters, onDown }: Props) {
  const navigate = useNavigate();
  const tiles = search.view === "tiles";
  return (
    <div className={styles.toolbar}>
      <SearchField search={search} show={show} onDown={onDown} />
      {onFilters && (
        <Button icon={<ListFilter />} onClick={onFilters} aria-haspopup="dialog">
          Filters{active > 0 && <span className={styles.count}>{active}</span>}
        </Button>
      )}
      <select className={styles.sort} aria-label="Order" value={search.sort ?? ""} onChange={(e) => show(({ sort: _, ...s }) => (e.target.value ? { ...s, sort: e.target.value } : s))}>
        {orders.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
        {search.sort && !orders.some(([value]) => value === search.sort) && <option value={search.sort}>{search.sort.replace(/^-(.*)/, "$1, reversed")}</option>}
      </select>
      <div className={styles.views} role="group" aria-label="View">
        <IconButton label="Table" aria-pressed={!tiles} onClick={() => show(({ view: _, ...s }) => s)}>
          <Table2 />
        </IconButton>
        <IconButton label="Tiles" aria-pressed={tiles} onClick={() => show((s) => ({ ...s, view: "tiles" }))}>
          <LayoutGrid />
        </IconButton>
      </div>
      <Live state={live} />
      {mayCreate && (
        <Button look="primary" icon={<Plus />} className={styles.create} onClick={() => navigate({ to: "/new" })}>
          New application
        </Button>
      )}
    </div>
  );
}

function Live({ state }: { state: StreamState }) {
  const [word, title] =
    state === "live" ? ["Live", "What changes is shown at once"] : state === "lost" ? ["Reconnecting", "The connection was lost: what is shown may be old. It is tried again by itself."] : ["Connecting", "What is shown is as it was a moment ago"];
  return (
    <span className={styles.live} data-state={state} title={title} role="status">
      <span aria-hidden className={styles.dot} />
      {word}
    </span>
  );
}

/** Searches as one types. "/" from anywhere comes here; the arrow down goes on into the list. */
function SearchField({ search, show, onDown }: Pick<Props, "search" | "show" | "onDown">) {
  const [text, setText] = useState(search.search ?? "");
  const typed = useRef(text); // what the address says once we have written it there
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef(0);

  useEffect(() => {
    const now = search.search ?? "";
    if (now === typed.current) return;
    typed.current = now; // it came from elsewhere: back, a saved view, "clear"
    setText(now);
  }, [search.search]);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
      if (e.target instanceof Element && e.target.closest("input, textarea, select, [contenteditable]")) return;
      e.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    document.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("keydown", key);
      window.clearTimeout(timer.current);
    };
  }, []);

  const look = (value: string) => {
    window.clearTimeout(timer.current);
    typed.current = value.trim();
    show(({ search: _, ...s }) => (value.trim() ? { ...s, search: value.trim() } : s), true);
  };
  const type = (value: string) => {
    setText(value);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => look(value), 120);
  };
  return (
    <div className={styles.search} role="search">
      <Search aria-hidden />
      <input
        ref={field}
        type="text"
        value={text}
        placeholder="Search by name, project, destination or repository"
        aria-label="Search the applications"
        aria-keyshortcuts="/"
        spellCheck={false}
        autoComplete="off"
        onChange={(e) => type(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "ArrowDown" || e.key === "Enter") {
            e.preventDefault();
            if (typed.current !== text.trim()) look(text);
            onDown();
          } else if (e.key === "Escape" && text) {
            e.preventDefault();
            setText("");
            look("");
          }
        }}
      />
      {text ? (
        <IconButton
          label="Clear the search"
          onClick={() => {
            setText("");
            look("");
            field.current?.focus();
          }}
        >
          <X />
        </IconButton>
      ) : (
        <kbd aria-hidden>/</kbd>
      )}
    </div>
  );
}
