import { CircleAlert, CircleCheck, EyeOff, Lock, ShieldX, Users } from "lucide-react";
import { useMemo, type ReactNode } from "react";
import type { ResourceDiff, ResourceIgnoreDifferences } from "../types";
import { visible } from "../yaml/text";
import { ignored, sentence, texts, verdict } from "./compare";
import { Fields } from "./Fields";
import { SideBySide } from "./SideBySide";
import styles from "./ObjectDiff.module.css";

interface Props {
  of: ResourceDiff;
  /** The application's rules of what to ignore. */
  rules?: ResourceIgnoreDifferences[];
  /** What the last sync said of the object, when it failed. */
  failed?: string;
  /** Leave out the sentence: what is around says it. */
  bare?: boolean;
}

/** Git and cluster for one object: what differs and why, field by field, and both sides. */
export function ObjectDiff({ of, rules, failed, bare }: Props) {
  const v = verdict(of);
  const text = useMemo(() => texts(of), [of]);
  const paths = useMemo(() => ignored(rules, of), [rules, of]);
  const secret = of.kind === "Secret" && !of.group;
  return (
    <div className={styles.diff}>
      {failed && (
        <Note icon={<CircleAlert />} bad title="The last sync failed here">
          {failed}
        </Note>
      )}
      {of.refused && (
        <Note icon={<ShieldX />} bad title="The project does not permit this object">
          {of.refused}
        </Note>
      )}
      {of.problem && of.problem !== failed && (
        <Note icon={<CircleAlert />} bad title="A dry run of what Git says fails">
          {of.problem}
        </Note>
      )}
      {of.sharedWith && (
        <Note icon={<Users />} title={`Another application has this object, too: ${visible(of.sharedWith)}`}>
          Each sync of one takes it from the other. Only one of them should have it in Git.
        </Note>
      )}
      {v === "equal" ? (
        <Note icon={<CircleCheck />} good title={sentence(of)}>
          {of.hook ? "It is a hook: it runs with a sync, and is not compared." : "Nothing would change here with a sync."}
        </Note>
      ) : (
        !bare && !of.refused && !of.problem && <p className={styles.sentence}>{sentence(of)}</p>
      )}
      {paths.length > 0 && (
        <Note icon={<EyeOff />} title="Not compared, because the application ignores it">
          <span className={styles.paths}>
            {paths.map((p) => (
              <code key={p}>{p}</code>
            ))}
          </span>
        </Note>
      )}
      {of.changes && of.changes.length > 0 && <Fields changes={of.changes} />}
      {secret && v !== "equal" && (
        <Note icon={<Lock />} title="Values of Secrets are hidden">
          Equal values have equal marks, so a mark that differs is a value that differs.
        </Note>
      )}
      {of.problem && text.live !== text.git && <p className={styles.quiet}>Below is what Git says, against the same fields in the cluster.</p>}
      {v !== "equal" && text.live !== text.git && (
        <SideBySide
          left={text.live}
          right={text.git}
          leftTitle="In the cluster, live"
          rightTitle={v === "differs" ? "In Git, after a sync" : "In Git"}
          label={`${of.kind} ${of.name}: in the cluster, and in Git`}
          leftEmpty="The cluster does not have it"
          rightEmpty="Git does not have it"
        />
      )}
    </div>
  );
}

export function Note({ icon, title, children, bad, good }: { icon: ReactNode; title: ReactNode; children?: ReactNode; bad?: boolean; good?: boolean }) {
  return (
    <div className={`${styles.note} ${bad ? styles.bad : good ? styles.good : ""}`}>
      <span className={styles.icon} aria-hidden>
        {icon}
      </span>
      <div>
        <strong>{title}</strong>
        {children && <div className={styles.words}>{children}</div>}
      </div>
    </div>
  );
}
