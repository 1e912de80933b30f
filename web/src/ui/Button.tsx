import type { ButtonHTMLAttributes, ReactNode } from "react";
import styles from "./Button.module.css";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** primary for the one thing that a screen is for, danger for what cannot be undone. */
  look?: "plain" | "primary" | "danger" | "quiet";
  icon?: ReactNode;
  /** Work is under way: the button waits, and says so in its own words. */
  busy?: string | false;
  small?: boolean;
}

export function Button({ look = "plain", icon, busy, small, children, className, disabled, ...rest }: Props) {
  return (
    <button
      type="button"
      className={[styles.button, styles[look], small && styles.small, className].filter(Boolean).join(" ")}
      disabled={disabled || !!busy}
      aria-busy={!!busy || undefined}
      {...rest}
    >
      {icon}
      {busy || children}
    </button>
  );
}

/** A button that is only an icon: label is what it is called, on hover and for screen readers. */
export function IconButton({ label, className, children, ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { label: string }) {
  return (
    <button type="button" className={[styles.icon, className].filter(Boolean).join(" ")} aria-label={label} title={label} {...rest}>
      {children}
    </button>
  );
}
