import { ago, exact, useNow } from "../time";

/** A time as people say it; the exact one on hover. */
export function Time({ at, className }: { at?: string; className?: string }) {
  const now = useNow();
  if (!at) return null;
  return (
    <time dateTime={at} title={exact(at)} className={className}>
      {ago(at, now)}
    </time>
  );
}
