import { useQueries } from "@tanstack/react-query";
import { RefreshCw, Upload, X } from "lucide-react";
import { useState } from "react";
import { mayQuery, useSettings } from "../session";
import { Button, IconButton } from "../ui/Button";
import { sayFailure } from "../ui/Toast";
import styles from "./BulkBar.module.css";
import type { Bulk } from "./BulkDialog";
import { namesOf } from "./data";
import type { AppsSearch } from "./search";
import { choose, type Chosen, type Selection } from "./selection";

interface Props {
  search: AppsSearch;
  total: number;
  selection: Selection;
  onSelection: (selection: Selection) => void;
  onBulk: (bulk: Bulk) => void;
}

/** What can be done with the applications that are chosen. */
export function BulkBar({ search, total, selection, onSelection, onBulk }: Props) {
  const apps = [...selection.values()];
  const [asking, setAsking] = useState(false);
  const may = useMaySome(apps);
  const all = () => {
    setAsking(true);
    void namesOf(search)
      .then(
        (found) => onSelection(choose(selection, found, true)),
        (e) => sayFailure("choose all of them", e),
      )
      .finally(() => setAsking(false));
  };
  return (
    <div className={styles.bar} role="region" aria-label="Chosen applications">
      <strong role="status">{apps.length.toLocaleString()} chosen</strong>
      {apps.length !== total && (
        <Button small look="quiet" busy={asking && "Choosing…"} onClick={all}>
          Choose all {total.toLocaleString()}
        </Button>
      )}
      <Button small look="primary" icon={<Upload />} disabled={may === false} title={may === false ? "You may sync none of these" : undefined} onClick={() => onBulk({ what: "sync", apps })}>
        Sync…
      </Button>
      <Button small icon={<RefreshCw />} onClick={() => onBulk({ what: "refresh", apps })}>
        Refresh
      </Button>
      <IconButton label="Choose none" onClick={() => onSelection(new Map())}>
        <X />
      </IconButton>
    </div>
  );
}

/** How many are asked about: if the reader may sync none of these, the others are hardly different. */
const sample = 10;

function useMaySome(apps: Chosen[]): boolean | undefined {
  const control = useSettings()?.controllerNamespace;
  const object = (a: Chosen) => (a.namespace === control ? `${a.project}/${a.name}` : `${a.project}/${a.namespace}/${a.name}`);
  const answers = useQueries({ queries: apps.slice(0, sample).map((a) => mayQuery("applications", "sync", object(a))) });
  if (answers.some((a) => a.data === true)) return true;
  return answers.length > 0 && answers.every((a) => a.data === false) ? false : undefined;
}
