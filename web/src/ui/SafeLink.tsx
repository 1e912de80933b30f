// A link to somewhere else. Only this file may put an address from outside behind a click: it is the page's own second
// look, after the server's (internal/server/safelink.go).
import { ExternalLink } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./SafeLink.module.css";

/** The address as a link may have it; undefined when it is none: http and https with a host and no password, and mailto. */
export function safe(text: string | undefined): string | undefined {
  if (!text || text.length > 8192) return undefined;
  let url: URL;
  try {
    url = new URL(text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "").trim());
  } catch {
    return undefined;
  }
  if (url.protocol === "mailto:") return url.href;
  if ((url.protocol === "https:" || url.protocol === "http:") && url.hostname && !url.username && !url.password) return url.href;
  return undefined;
}

/** A link when the address is safe, and otherwise its text alone. */
export function SafeLink({ to, children, plain }: { to?: string; children?: ReactNode; /** without the arrow */ plain?: boolean }) {
  const href = safe(to);
  if (!href) return <span>{children ?? to}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" className={styles.link}>
      {children ?? to}
      {!plain && <ExternalLink aria-label="opens elsewhere" />}
    </a>
  );
}
