// What can be chosen of the topology: the view, and which objects.
import { Link, useSearch } from "@tanstack/react-router";
import { Boxes, ChevronDown, CornerLeftUp, Ghost, List, ListTree, Network, Search, Trash2, X, Zap, CircleAlert } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Button, IconButton } from "../../ui/Button";
import { Menu } from "../../ui/Menu";
import { HealthMark, SyncMark } from "../../ui/Status";
import { useShow } from "../ApplicationPage";
import { asksNothing, facets, has, readFilter, toggle, withWords, wordsOf, type Field } from "./filter";
import type { Above, Item } from "./model";
import styles from "./topology.module.css";

const views = [
  [undefined, "Tree", ListTree],
  ["network", "Network", Network],
  ["list", "List", List],
  ["pods", "Pods", Boxes],
] as const;

interface Props {
  above: Above;
  items: Item[];
  /** How many the filter leaves. */
  found: number;
  orphans: number;
}

export function Toolbar({ above, items, found, orphans }: Props) {
  const search = useSearch({ from: "/inside/applications/$namespace/$name" });
  const show = useShow();
  const of = useMemo(() => facets(items), [items]);
  const { find } = search;
  const filtered = !asksNothing(readFilter(find));
  const kinds = readFilter(find).of.kind;
  const chip = (field: Field, value: string, content: ReactNode, count: number) => (
    <button key={field + value} type="button" className={styles.chip} aria-pressed={has(find, field, value)} onClick={() => show({ find: toggle(find, field, value) }, true)}>
      {content}
      {" "}
      <span className={styles.count}>{count}</span>
    </button>
  );
  return (
    <div className={styles.toolbar}>
      <nav className={styles.views} aria-label="Views">
        {views.map(([view, name, Icon]) => (
          <Link key={name} from="/applications/$namespace/$name" to="." search={(s) => ({ ...s, view })} resetScroll={false} activeOptions={{ exact: true }}>
            <Icon aria-hidden />
            {name}
          </Link>
        ))}
      </nav>
      <FindBox find={find} among={items.length} />
      <Menu
        align="start"
        trigger={
          <Button small className={styles.kinds} data-on={kinds.length > 0 || undefined}>
            Kind{kinds.length > 0 && `: ${of.kind.filter(([k]) => kinds.includes(k.toLowerCase())).map(([k]) => k).join(", ") || kinds.length}`}
            <ChevronDown aria-hidden />
          </Button>
        }
        choices={of.kind.map(([kind, count]) => ({ label: `${kind} (${count})`, checked: has(find, "kind", kind), onSelect: () => show({ find: toggle(find, "kind", kind) }, true) }))}
      />
      <div className={styles.chips} role="group" aria-label="Show only">
        {of.health.map(([h, n]) => chip("health", h, <HealthMark of={h} />, n))}
        {of.health.length > 0 && of.sync.length > 0 && <span className={styles.gap} aria-hidden />}
        {of.sync.map(([s, n]) => chip("sync", s, <SyncMark of={s} />, n))}
        {of.failed > 0 && chip("is", "failed", <Word icon={<CircleAlert />}>Sync failed</Word>, of.failed)}
        {of.prune > 0 && chip("is", "prune", <Word icon={<Trash2 />}>To be pruned</Word>, of.prune)}
        {of.hooks > 0 && chip("is", "hook", <Word icon={<Zap />}>Hooks</Word>, of.hooks)}
        {orphans > 0 && (
          <button type="button" className={styles.chip} aria-pressed={!!search.orphaned} onClick={() => show({ orphaned: search.orphaned ? undefined : true }, true)} title="Objects in the application's namespaces that belong to no application">
            <Word icon={<Ghost />}>Orphaned</Word>
            <span className={styles.count}>{orphans}</span>
          </button>
        )}
      </div>
      <div className={styles.rest}>
        {filtered && (
          <Button small look="quiet" icon={<X />} onClick={() => show({ find: undefined }, true)}>
            Show all
          </Button>
        )}
        <span className={styles.total} role="status">
          {filtered && `${found.toLocaleString("en")} of ${items.length.toLocaleString("en")} objects`}
        </span>
        {above.app && (
          <Link to="/applications/$namespace/$name" params={above.app} className={styles.above}>
            <CornerLeftUp aria-hidden />
            part of {above.app.name}
          </Link>
        )}
        {above.set && <span className={styles.above}>made by ApplicationSet {above.set}</span>}
      </div>
    </div>
  );
}

function Word({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <span className={styles.word}>
      {icon}
      {children}
    </span>
  );
}

/** What is typed goes into the address once the reader pauses. */
function FindBox({ find, among }: { find?: string; among: number }) {
  const show = useShow();
  const [text, setText] = useState(wordsOf(find));
  const sent = useRef(find);
  const now = useRef(find); // a chip may be pressed before the typing rests
  now.current = find;
  useEffect(() => {
    if (find === sent.current) return;
    sent.current = find;
    setText(wordsOf(find));
  }, [find]);
  const send = (words: string) => {
    const next = withWords(now.current, words);
    if (next === now.current) return;
    sent.current = next;
    show({ find: next }, true);
  };
  useEffect(() => {
    const timer = window.setTimeout(() => send(text), 200);
    return () => window.clearTimeout(timer);
  }, [text]);
  return (
    <div className={styles.find} role="search" aria-label="Objects">
      <Search aria-hidden />
      <input
        aria-label="Find objects by name, kind, namespace or image"
        placeholder={among > 1 ? `Find in ${among.toLocaleString("en")} objects` : "Find objects"}
        value={text}
        spellCheck={false}
        autoComplete="off"
        onChange={(e) => setText(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter") send(text);
          else if (e.key === "Escape" && text) {
            e.stopPropagation();
            setText("");
            send("");
          }
        }}
      />
      {text && (
        <IconButton
          label="Clear"
          onClick={() => {
            setText("");
            send("");
          }}
        >
          <X />
        </IconButton>
      )}
    </div>
  );
}
