import { useQuery } from "@tanstack/react-query";
import { CalendarClock, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { get, path } from "../../api";
import { exact, useNow } from "../../time";
import type { AppProject, SyncWindow, SyncWindowsResponse } from "../../types";
import { Button } from "../../ui/Button";
import { Checkbox, Select, TextField } from "../../ui/Field";
import { Empty } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { say } from "../../ui/Toast";
import { Confirm, Facts, FormDialog, Part, Texts, useSettingsSearch, useShow } from "../kit";
import { Word } from "../Word";
import styles from "./Project.module.css";
import { windowFor } from "./rules";
import { useSaveSpec } from "./save";
import { durationInWords, knownZone, nextTimes, parseSchedule, scheduleInWords, seconds } from "./window";

const same = (a: SyncWindow, b: SyncWindow) => JSON.stringify([a.kind, a.schedule, a.duration, a.timeZone, a.applications, a.namespaces, a.clusters]) === JSON.stringify([b.kind, b.schedule, b.duration, b.timeZone, b.applications, b.namespaces, b.clusters]);

/** When syncs are allowed, and when they are not. */
export function Windows({ of: p, mayUpdate }: { of: AppProject; mayUpdate: boolean }) {
  const name = p.metadata?.name ?? "";
  const active = useQuery({
    queryKey: ["settings", "projects", name, "windows", p.metadata?.resourceVersion],
    queryFn: ({ signal }) => get<SyncWindowsResponse>(path`/api/v1/projects/${name}/syncwindows`, undefined, signal).then((r) => r.windows ?? []),
    refetchInterval: 30_000,
  });
  const { form, of: chosen } = useSettingsSearch();
  const show = useShow();
  const save = useSaveSpec(p);
  const windows = p.spec?.syncWindows ?? [];
  const index = chosen === undefined ? -1 : Number(chosen);
  const one = windows[index];
  const close = () => show({ form: undefined, of: undefined });
  const add = mayUpdate && (
    <Button icon={<Plus />} onClick={() => show({ form: "window" })}>
      Add sync window
    </Button>
  );
  return (
    <>
      {windows.length === 0 ? (
        <Empty title="No sync windows" icon={<CalendarClock />}>
          <p>Without windows, syncs may happen at any time. A window that denies keeps them away from a freeze; one that allows keeps them inside of working hours. Both can leave syncs by hand alone.</p>
          {add}
        </Empty>
      ) : (
        <div className={styles.list}>
          <div className={styles.bar}>{add}</div>
          {windows.map((w, i) => (
            <Window
              key={i}
              of={w}
              open={active.data?.some((a) => same(a, w))}
              actions={
                mayUpdate && (
                  <>
                    <Button small icon={<Pencil />} onClick={() => show({ form: "window", of: String(i) })}>Edit</Button>
                    <Button small look="danger" icon={<Trash2 />} onClick={() => show({ form: "remove-window", of: String(i) })}>Delete</Button>
                  </>
                )
              }
            />
          ))}
        </div>
      )}
      {mayUpdate && form === "window" && (
        <WindowForm
          of={one}
          onClose={close}
          onSave={async (w) => {
            await save((s) => ({ ...s, syncWindows: one ? (s.syncWindows ?? []).map((o, i) => (i === index ? w : o)) : [...(s.syncWindows ?? []), w] }));
            say("The sync window was saved.");
            close();
          }}
        />
      )}
      {mayUpdate && one && form === "remove-window" && (
        <Confirm
          title="Delete sync window"
          verb="Delete window"
          verbing="Deleting…"
          doing="delete the window"
          onClose={close}
          onConfirm={async () => {
            await save((s) => ({ ...s, syncWindows: (s.syncWindows ?? []).filter((_, i) => i !== index) }));
            close();
          }}
        >
          <p>
            The window that {one.kind === "deny" ? "denies" : "allows"} syncs {scheduleInWords(one.schedule ?? "")} is gone at once.
          </p>
        </Confirm>
      )}
    </>
  );
}

function Window({ of: w, open, actions }: { of: SyncWindow; open: boolean | undefined; actions: React.ReactNode }) {
  const now = useNow();
  const next = nextTimes(w.schedule ?? "", w.timeZone, now, 3);
  return (
    <Part
      title={`${w.kind === "deny" ? "Denies" : "Allows"} syncs ${scheduleInWords(w.schedule ?? "")}, for ${durationInWords(w.duration)}`}
      about={w.description}
      actions={actions}
    >
      <Facts
        of={[
          ["Now", open === undefined ? "…" : open ? <Word tone={w.kind === "deny" ? "outofsync" : "healthy"}>Open: syncs are {w.kind === "deny" ? "denied" : "allowed"}</Word> : <Word tone="off">Closed</Word>],
          ["Opens next", next.length ? <>{next.map((t, i) => <span key={t}>{i > 0 && "; "}<Time at={new Date(t).toISOString()} />{i === 0 && ` (${exact(t)})`}</span>)}</> : "cannot be told"],
          ["For", windowFor(w)],
          ["Syncs by hand", w.manualSync ? "Allowed at any time" : w.kind === "deny" ? "Denied as well" : "Only while it is open"],
          ["A running sync", w.syncOverrun && "Goes on when the window would stop it"],
          ["Schedule", <><code>{w.schedule}</code> in {w.timeZone || "UTC"}</>],
        ]}
      />
    </Part>
  );
}

function WindowForm({ of, onSave, onClose }: { of?: SyncWindow; onSave: (w: SyncWindow) => Promise<void>; onClose: () => void }) {
  const [w, setW] = useState<SyncWindow>(of ?? { kind: "deny", schedule: "0 22 * * 5", duration: "58h", applications: ["*"], timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  const set = (change: Partial<SyncWindow>) => setW((o) => ({ ...o, ...change }));
  const list = (v: string[] | undefined) => (v?.filter(Boolean).length ? v.filter(Boolean) : undefined);
  const read = parseSchedule(w.schedule ?? "");
  const next = read ? nextTimes(w.schedule ?? "", w.timeZone, Date.now(), 1)[0] : undefined;
  const lasts = seconds(w.duration);
  return (
    <FormDialog
      title={of ? "Edit sync window" : "Add sync window"}
      onClose={onClose}
      onSubmit={() => onSave({ ...w, applications: list(w.applications), namespaces: list(w.namespaces), clusters: list(w.clusters), timeZone: w.timeZone || undefined, description: w.description || undefined })}
      submit="Save window"
      submitting="Saving…"
      doing="save the window"
    >
      <Select label="While it is open, syncs are" value={w.kind} onChange={(e) => set({ kind: e.target.value })}>
        <option value="deny">denied</option>
        <option value="allow">allowed, and denied while none that allows is open</option>
      </Select>
      <TextField
        label="Opens"
        required
        spellCheck={false}
        hint={read ? `${scheduleInWords(w.schedule ?? "")}${next ? `: next on ${exact(next)}` : ""}` : "minute hour day month weekday"}
        error={!read && "Five fields: minute, hour, day of the month, month, day of the week. 0 22 * * 5 is Friday at 22:00."}
        value={w.schedule ?? ""}
        onChange={(e) => set({ schedule: e.target.value })}
      />
      <div className={styles.two}>
        <TextField label="For" required hint={lasts ? durationInWords(w.duration) : undefined} error={!lasts && "Such as 1h30m, or 48h."} value={w.duration ?? ""} onChange={(e) => set({ duration: e.target.value })} />
        <TextField label="Time zone" placeholder="UTC" hint="Such as Europe/Berlin; empty is UTC." error={!knownZone(w.timeZone) && "There is no such time zone."} value={w.timeZone ?? ""} onChange={(e) => set({ timeZone: e.target.value })} />
      </div>
      <Texts label="Applications" hint="Names; * stands for anything." noun="application" value={w.applications ?? []} onChange={(applications) => set({ applications })} />
      <Texts label="Namespaces" noun="namespace" value={w.namespaces ?? []} onChange={(namespaces) => set({ namespaces })} />
      <Texts label="Clusters" noun="cluster" value={w.clusters ?? []} onChange={(clusters) => set({ clusters })} />
      <Checkbox label="All of them must fit" hint="Otherwise the window counts for what fits one of the lists." checked={!!w.andOperator} onChange={(e) => set({ andOperator: e.target.checked || undefined })} />
      <Checkbox label="Syncs by hand are allowed at any time" checked={!!w.manualSync} onChange={(e) => set({ manualSync: e.target.checked || undefined })} />
      <Checkbox label="A sync that runs goes on" hint="It is not stopped when the window would deny it." checked={!!w.syncOverrun} onChange={(e) => set({ syncOverrun: e.target.checked || undefined })} />
      <TextField label="Description" value={w.description ?? ""} onChange={(e) => set({ description: e.target.value })} />
    </FormDialog>
  );
}
