import { X } from "lucide-react";
import type { Show } from "./Applications";
import styles from "./Chips.module.css";
import { filterName, valueName } from "./Filters";
import { cleared, filters, narrowed, only, toggled, type AppsSearch } from "./search";

/** What narrows the list, and how much is left. */
export function Chips({ search, show, names, found }: { search: AppsSearch; show: Show; names: ReadonlyMap<string, string>; found?: number }) {
  if (!narrowed(search)) return null;
  return (
    <div className={styles.chips} role="group" aria-label="Active filters">
      <span className={styles.found} role="status">
        {found === undefined ? "…" : `${found.toLocaleString()} ${found === 1 ? "application" : "applications"}`}
      </span>
      {search.search && <Chip name="Search" value={search.search} onClear={() => show(({ search: _, ...s }) => s)} />}
      {filters.flatMap((f) => {
        const values = search[f] ?? [];
        if (values.length > 4) return [<Chip key={f} name={filterName[f]} value={`${values.length} chosen`} onClear={() => show((s) => only(s, f, []))} />];
        return values.map((v) => <Chip key={f + v} name={filterName[f]} value={valueName(f, v, names)} onClear={() => show((s) => toggled(s, f, v))} />);
      })}
      <button type="button" className={styles.clear} onClick={() => show(cleared)}>
        Clear all
      </button>
    </div>
  );
}

function Chip({ name, value, onClear }: { name: string; value: string; onClear: () => void }) {
  return (
    <button type="button" className={styles.chip} onClick={onClear} title="Remove this filter">
      <span className={styles.name}>{name}</span>
      <span className={styles.value}>{value}</span>
      <span className="unseen">, remove this filter</span>
      <X aria-hidden />
    </button>
  );
}
