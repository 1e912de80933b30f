import { ago, exact, lasting, useNow } from "../time";

/** A time as people say it; the exact one on hover. */
export function Time({ at, className }: { at?: string; className?: string }) {
  const now = useNow();
  if (!at) return null;
  return (
    // Time goes by in places that are read aloud when they change: that alone is no news.
    <time aria-live="off" dateTime={at} title={exact(at)} className={className}>
      {ago(at, now)}
    </time>
  );
}

/** How long something has lasted, "4 min"; since when on hover. It goes on by itself. */
export function Lasting({ since, className }: { since: string; className?: string }) {
  const now = useNow();
  return (
    <time aria-live="off" dateTime={since} title={`since ${exact(since)}`} className={className}>
      {lasting((now - Date.parse(since)) / 1000)}
    </time>
  );
}
