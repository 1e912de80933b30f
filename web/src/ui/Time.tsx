import { ago, exact, useNow } from "../time";

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
