// Times as people say them. The exact one is shown by ui/Time on hover.
import { useSyncExternalStore } from "react";

const units: [limit: number, seconds: number, short: string, long: string][] = [
  [60, 1, "s", "second"],
  [3600, 60, "min", "minute"],
  [86_400, 3600, "h", "hour"],
  [86_400 * 60, 86_400, "d", "day"],
  [86_400 * 365 * 2, 86_400 * 30.44, "mo", "month"],
  [Infinity, 86_400 * 365.25, "y", "year"],
];

/** A length of time in its largest unit: "4 min". */
export function lasting(seconds: number): string {
  const s = Math.max(0, seconds);
  const [, size, short] = units.find(([limit]) => s < limit)!;
  return `${Math.floor(s / size)} ${short}`;
}

/** How long ago: "4 min ago", or "now" below five seconds. What lies ahead is told as "in 4 min". */
export function ago(then: string | number | Date, now = Date.now()): string {
  const seconds = (now - new Date(then).getTime()) / 1000;
  if (Math.abs(seconds) < 5) return "now";
  return seconds < 0 ? `in ${lasting(-seconds)}` : `${lasting(seconds)} ago`;
}

// Made once: a list has a hundred times on the screen, and toLocaleString would make one for each.
const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** The exact time in the reader's own zone. */
export function exact(then: string | number | Date): string {
  return format.format(new Date(then));
}

/** How long an operation took, or has been going on: "820 ms" is not known, times are whole seconds. */
export function between(from?: string, to?: string, now = Date.now()): string {
  if (!from) return "";
  return lasting(((to ? new Date(to).getTime() : now) - new Date(from).getTime()) / 1000);
}

// One clock for the whole page: a thousand ages on screen cost one timer.
let now = Date.now();
const watching = new Set<() => void>();
window.setInterval(() => {
  now = Date.now();
  if (!document.hidden) for (const tell of watching) tell();
}, 5000);

/** The present time, to five seconds: a component that uses it is drawn anew as time goes on. */
export function useNow(): number {
  return useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    () => now,
  );
}
