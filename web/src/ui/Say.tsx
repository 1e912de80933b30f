// What a screen says when it has nothing to show: that it waits and for what, that something failed and what to do, or
// that there is nothing yet and how to begin.
import { CircleAlert, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "../api";
import { Button } from "./Button";
import styles from "./Say.module.css";

/** Waiting, for what it says: "Loading the applications". */
export function Waiting({ children }: { children: ReactNode }) {
  return (
    <div className={styles.waiting} role="status">
      <span className={styles.dots} aria-hidden />
      {children}…
    </div>
  );
}

/** A failure in the server's words, and the way out. */
export function Failure({ error, doing, onRetry }: { error: unknown; /** "load the applications" */ doing: string; onRetry?: () => void }) {
  const text = error instanceof Error ? error.message : String(error);
  const forbidden = error instanceof ApiError && error.status === 403;
  return (
    <div className={styles.failure} role="alert">
      <CircleAlert aria-hidden />
      <div>
        <p>
          <strong>{forbidden ? "You may not " : "Could not "}{doing}.</strong>
        </p>
        <p className={styles.words}>{text}</p>
        {forbidden && <p className={styles.words}>Ask whoever looks after the policy (argocd-rbac-cm), or log in as somebody else.</p>}
        {onRetry && !forbidden && (
          <Button small icon={<RotateCw />} onClick={onRetry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}

/** Nothing there: what would be, and the next step. */
export function Empty({ title, children, icon }: { title: string; children?: ReactNode; icon?: ReactNode }) {
  return (
    <div className={styles.empty}>
      {icon}
      <h2>{title}</h2>
      {children}
    </div>
  );
}
