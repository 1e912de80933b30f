import { ArrowRight, CircleDashed, CirclePlus, Ellipsis, Pencil } from "lucide-react";
import { useState, type ReactNode } from "react";
import type { FieldChange } from "../types";
import { Button, IconButton } from "../ui/Button";
import { copy } from "../ui/clipboard";
import { Menu } from "../ui/Menu";
import { Time } from "../ui/Time";
import { visible } from "../yaml/text";
import { patchOf, shown, split, word, writer } from "./compare";
import styles from "./Fields.module.css";

const many = 12;

const words = { differs: "Differs", missing: "Missing in the cluster", extra: "Not in Git" };
const icons = { differs: Pencil, missing: CircleDashed, extra: CirclePlus };

/** The fields that differ: what the cluster has, what Git says, who wrote it and when. */
export function Fields({ changes }: { changes: readonly FieldChange[] }) {
  const [all, setAll] = useState(false);
  const list = all ? changes : changes.slice(0, many);
  return (
    <div className={styles.fields}>
      <ul aria-label="Fields that differ">
        {list.map((c, i) => (
          <Field key={c.path ?? i} change={c} />
        ))}
      </ul>
      {changes.length > list.length && (
        <Button small look="quiet" onClick={() => setAll(true)}>
          {changes.length - list.length} more fields
        </Button>
      )}
    </div>
  );
}

function Field({ change: c }: { change: FieldChange }) {
  const kind = word(c);
  const Icon = icons[kind];
  const by = writer(c);
  const patch = patchOf(c);
  const [where, field] = split(c.path ?? "");
  return (
    <li className={styles.field}>
      <Icon aria-label={words[kind]} className={styles[kind]} />
      <div className={styles.what}>
        <code className={styles.path}>
          <span>{breakable(visible(where))}</span>
          {breakable(visible(field))}
        </code>
        <div className={styles.values}>
          <Value text={shown(c.live)} none={kind === "missing" ? "missing in the cluster" : "empty"} side="gone" label="In the cluster" />
          <ArrowRight aria-label="Git says" />
          <Value text={shown(c.git)} none={kind === "extra" ? "not in Git" : "empty"} side="come" label="In Git" />
        </div>
        {(by || c.time) && (
          <div className={styles.by}>
            {c.ours ? "From an earlier sync: Git has moved on" : by ? <>By {visible(by)}</> : "Written"}
            {c.time && (
              <>
                , <Time at={c.time} />
              </>
            )}
          </div>
        )}
      </div>
      <Menu
        trigger={
          <IconButton label={`Copy ${c.path}`} className={styles.menu}>
            <Ellipsis />
          </IconButton>
        }
        choices={[
          { label: "Copy the path", onSelect: () => copy(c.path ?? "", "the path") },
          { label: "Copy what the cluster has", disabled: !c.live && "The cluster has nothing", onSelect: () => copy(shown(c.live), "the value") },
          { label: "Copy what Git says", disabled: !c.git && "Git says nothing", onSelect: () => copy(shown(c.git), "the value") },
          {
            label: patch?.type === "strategic" ? "Copy as a strategic merge patch" : "Copy as a merge patch",
            disabled: !patch && "There is no patch for a hidden value, or for an item that has no name",
            onSelect: () => patch && copy(patch.patch, "the patch"),
          },
        ]}
      />
    </li>
  );
}

/** A path that may be broken after its dots, and between the words of a choice. */
function breakable(path: string): ReactNode[] {
  return path.split(/(?<=[.,[])/).flatMap((part, i) => (i === 0 ? [part] : [<wbr key={i} />, part]));
}

function Value({ text, none, side, label }: { text: string; none: string; side: "gone" | "come"; label: string }) {
  return (
    <span className={`${styles.value} ${text ? styles[side] : styles.none}`}>
      <span className="unseen">{label}: </span>
      {text ? visible(text.length > 400 ? text.slice(0, 400) + "…" : text) : none}
    </span>
  );
}
