import { CirclePause } from "lucide-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { path, send } from "../../api";
import { useMay, useSettings } from "../../session";
import type { Application, AppName } from "../../types";
import { Button } from "../../ui/Button";
import { Failure } from "../../ui/Say";
import { Time } from "../../ui/Time";
import { say } from "../../ui/Toast";
import { learn, of, policyObject, short } from "../data";
import { holdAnnotation, holdOf } from "./history";
import styles from "./HistoryPanel.module.css";

/** What a rollback holds the application at, what that means, and how it goes on. */
export function HoldNotice({ app, record }: { app: AppName; record: Application }) {
  const queries = useQueryClient();
  const hold = holdOf(record);
  const mayUpdate = useMay("applications", "update", policyObject(record, useSettings()?.controllerNamespace));
  const lift = useMutation({
    mutationFn: () =>
      send<Application>("PATCH", path`/api/v1/applications/${app.name}`, { name: app.name, ...of(app), patchType: "merge", patch: JSON.stringify({ metadata: { annotations: { [holdAnnotation]: null } } }) }),
    onSuccess: (changed) => {
      learn(queries, app, changed);
      say("The hold is lifted: it follows its branch again");
    },
  });
  if (!hold?.commits?.length) return null;
  return (
    <section className={styles.hold} aria-label="Hold">
      <CirclePause aria-hidden />
      <div>
        <p>
          <strong>
            Held at {hold.commits.map(short).join(", ")}
            {hold.by ? ` by ${hold.by}` : ""}
          </strong>{" "}
          <Time at={hold.since} />
        </p>
        <p>
          <code>{hold.instead.map(short).join(", ")}</code> is not deployed. Everything else goes on: drift is healed back to what it is held at. The hold ends by itself with the next commit that changes the branch; or sync to the branch, or lift it now, to deploy
          what is there.
        </p>
        {lift.isError && <Failure error={lift.error} doing="lift the hold" />}
      </div>
      {mayUpdate && (
        <Button small busy={lift.isPending && "Lifting…"} onClick={() => lift.mutate()}>
          Lift the hold
        </Button>
      )}
    </section>
  );
}
