import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { EllipsisVertical, RefreshCw, RefreshCwOff, Trash2, Upload } from "lucide-react";
import { useState } from "react";
import { get, path } from "../api";
import { of, policyObject } from "../app/data";
import { mayQuery, useSettings } from "../session";
import type { Application } from "../types";
import { IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import { say, sayFailure } from "../ui/Toast";
import type { Bulk } from "./BulkDialog";
import { chosenOf } from "./selection";

/** What can be done with one application. Whether the reader may is asked when they come near. */
export function RowMenu({ app, current, onBulk }: { app: Application; current: boolean; onBulk: (bulk: Bulk) => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const control = useSettings()?.controllerNamespace;
  const [may, setMay] = useState<{ sync?: boolean; delete?: boolean }>({});
  const { name = "", namespace = "" } = app.metadata ?? {};
  const near = () => {
    const object = policyObject(app, control);
    for (const action of ["sync", "delete"] as const) {
      void queries.ensureQueryData(mayQuery("applications", action, object)).then(
        (yes) => setMay((m) => (m[action] === yes ? m : { ...m, [action]: yes })),
        () => {}, // the server will say it when it is tried
      );
    }
  };
  const refresh = (how: "normal" | "hard") =>
    get(path`/api/v1/applications/${name}`, { ...of({ namespace, name }), refresh: how, fields: "metadata.name" }).then(
      () => say(`${name} was refreshed`),
      (e) => sayFailure(`refresh ${name}`, e),
    );
  return (
    <Menu
      trigger={
        <IconButton label={`Actions for ${name}`} tabIndex={current ? 0 : -1} onPointerEnter={near} onFocus={near}>
          <EllipsisVertical />
        </IconButton>
      }
      choices={[
        { label: "Sync…", icon: <Upload />, disabled: may.sync === false && "You may not sync it", onSelect: () => onBulk({ what: "sync", apps: [chosenOf(app)] }) },
        { label: "Refresh", icon: <RefreshCw />, onSelect: () => void refresh("normal") },
        { label: "Hard refresh", icon: <RefreshCwOff />, onSelect: () => void refresh("hard") },
        "line",
        {
          label: "Delete…",
          icon: <Trash2 />,
          danger: true,
          disabled: may.delete === false && "You may not delete it",
          onSelect: () => void navigate({ to: "/applications/$namespace/$name", params: { namespace, name }, search: { panel: "delete" } }),
        },
      ]}
    />
  );
}
