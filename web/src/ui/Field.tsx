import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes } from "react";
import styles from "./Field.module.css";

interface Around {
  label: ReactNode;
  /** What to write, where the label does not say it. */
  hint?: ReactNode;
  /** What is wrong with what was written. */
  error?: ReactNode;
}

export function TextField({ label, hint, error, className, ...rest }: Around & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <Field id={id} label={label} hint={hint} error={error} className={className}>
      <input id={id} className={styles.input} aria-invalid={!!error || undefined} aria-describedby={hint || error ? id + "-more" : undefined} {...rest} />
    </Field>
  );
}

export function TextArea({ label, hint, error, className, ...rest }: Around & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <Field id={id} label={label} hint={hint} error={error} className={className}>
      <textarea id={id} className={styles.input} rows={5} aria-invalid={!!error || undefined} aria-describedby={hint || error ? id + "-more" : undefined} {...rest} />
    </Field>
  );
}

export function Select({ label, hint, error, className, children, ...rest }: Around & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <Field id={id} label={label} hint={hint} error={error} className={className}>
      <select id={id} className={styles.input} aria-describedby={hint || error ? id + "-more" : undefined} {...rest}>
        {children}
      </select>
    </Field>
  );
}

export function Checkbox({ label, hint, className, ...rest }: Omit<Around, "error"> & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className={`${styles.check} ${className ?? ""}`}>
      <input id={id} type="checkbox" aria-describedby={hint ? id + "-more" : undefined} {...rest} />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <div id={id + "-more"} className={styles.hint}>
            {hint}
          </div>
        )}
      </div>
    </div>
  );
}

function Field({ id, label, hint, error, className, children }: Around & { id: string; className?: string; children: ReactNode }) {
  return (
    <div className={`${styles.field} ${className ?? ""}`}>
      <label htmlFor={id} className={styles.label}>
        {label}
      </label>
      {children}
      {(hint || error) && (
        <div id={id + "-more"} className={error ? styles.error : styles.hint}>
          {error || hint}
        </div>
      )}
    </div>
  );
}
