// Sync windows in words, and when they open. A schedule has the five fields of cron: minute, hour, day of the month,
// month, day of the week. The server decides with its own reading of it; this one only speaks.

const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

interface Field {
  /** Every value: *. */
  any: boolean;
  /** What it says of every so many, when it says nothing else. */
  every?: number;
  values: number[];
}

export interface Schedule {
  minute: Field;
  hour: Field;
  day: Field;
  month: Field;
  weekday: Field;
}

/** Reads a schedule; undefined when it is none. */
export function parseSchedule(text: string): Schedule | undefined {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== 5) return undefined;
  const minute = parseField(parts[0], 0, 59);
  const hour = parseField(parts[1], 0, 23);
  const day = parseField(parts[2], 1, 31);
  const month = parseField(parts[3], 1, 12, months);
  const weekday = parseField(parts[4], 0, 6, days);
  return minute && hour && day && month && weekday && { minute, hour, day, month, weekday };
}

function parseField(text: string, low: number, high: number, names: string[] = []): Field | undefined {
  const number = (t: string): number | undefined => {
    const name = names.findIndex((n) => n.slice(0, 3).toLowerCase() === t.toLowerCase());
    if (name >= 0) return name + low;
    const n = /^\d+$/.test(t) ? Number(t) : NaN;
    return n >= low && n <= high ? n : undefined;
  };
  const values = new Set<number>();
  let any = false;
  let every: number | undefined;
  for (const part of text.split(",")) {
    const [range, step, more] = part.split("/");
    const by = step === undefined ? 1 : Number(step);
    if (more !== undefined || !Number.isInteger(by) || by < 1) return undefined;
    let [from, to]: (number | undefined)[] = [];
    if (range === "*" || range === "?") {
      [from, to] = [low, high];
      if (by === 1) any = true;
      else if (!text.includes(",")) every = by;
    } else {
      const ends = range.split("-");
      if (ends.length > 2) return undefined;
      from = number(ends[0]);
      to = ends.length === 2 ? number(ends[1]) : step === undefined ? from : high;
    }
    if (from === undefined || to === undefined || from > to) return undefined;
    for (let v = from; v <= to; v += by) values.add(v);
  }
  return { any, every, values: [...values].sort((a, b) => a - b) };
}

/** A schedule as people say it: "at 22:00, Monday to Friday". What is no schedule is returned as it is. */
export function scheduleInWords(text: string): string {
  const s = parseSchedule(text);
  if (!s) return text;
  const when = [daysInWords(s), s.month.any ? "" : "in " + listed(s.month.values.map((m) => months[m - 1]))].filter(Boolean).join(" ");
  const time = timeInWords(s);
  // "at 03:00 on 1 January" reads better than "on day 1 in January".
  if (!s.day.any && s.weekday.any && s.month.values.length === 1 && s.day.values.length <= 2 && !s.day.every) {
    return `${time} on ${listed(s.day.values.map((d) => `${d} ${months[s.month.values[0] - 1]}`))}`;
  }
  return when ? `${time}, ${when}` : time.startsWith("at ") ? `every day ${time}` : time;
}

function timeInWords({ minute, hour }: Schedule): string {
  const two = (n: number) => String(n).padStart(2, "0");
  if (minute.any && hour.any) return "every minute";
  if (minute.every && hour.any) return `every ${minute.every} minutes`;
  if (hour.any && minute.values.length === 1) return minute.values[0] === 0 ? "every hour" : `every hour at ${minute.values[0]} minutes past`;
  if (hour.every && minute.values.length === 1) return `every ${hour.every} hours${minute.values[0] ? ` at ${minute.values[0]} minutes past` : ""}`;
  if (!minute.any && minute.values.length * hour.values.length <= 6) return "at " + listed(hour.values.flatMap((h) => minute.values.map((m) => `${two(h)}:${two(m)}`)));
  const minutes = minute.any ? "every minute" : minute.every ? `every ${minute.every} minutes` : `at ${listed(minute.values.map(String))} minutes past`;
  return hour.any ? `${minutes} of every hour` : `${minutes}, ${ranges(hour.values, (h) => two(h) + ":00", (h) => two(h) + ":59")}`;
}

function daysInWords({ day, weekday }: Schedule): string {
  const onDays = day.any ? "" : day.every ? `every ${day.every} days` : "on " + (day.values.length === 1 ? "day " : "days ") + listed(day.values.map(String)) + " of the month";
  const onWeekdays = weekday.any || weekday.values.length === 7 ? "" : weekday.values.join() === "0,6" ? "Saturday and Sunday" : ranges(weekday.values, (d) => days[d]);
  // As cron has it: a day counts when either fits, if both are given.
  return onDays && onWeekdays ? `${onDays} or ${onWeekdays}` : onDays || onWeekdays;
}

function ranges(values: number[], from: (v: number) => string, to = from): string {
  const consecutive = values.length > 2 && values[values.length - 1] - values[0] === values.length - 1;
  return consecutive ? `${from(values[0])} to ${to(values[values.length - 1])}` : listed(values.map(from));
}

/** "a", "a and b", "a, b and c". */
export function listed(words: string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/** The length of a Go duration in seconds: "1h30m"; undefined when it is none. */
export function seconds(duration: string | undefined): number | undefined {
  const units: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001 };
  let total = 0;
  const rest = (duration ?? "").replace(/(\d+(?:\.\d+)?)(ms|h|m|s)/g, (_, n: string, unit: string) => {
    total += Number(n) * units[unit];
    return "";
  });
  return rest === "" && duration ? total : undefined;
}

/** "1 hour 30 minutes"; what is no duration is returned as it is. */
export function durationInWords(duration: string | undefined): string {
  const s = seconds(duration);
  if (s === undefined) return duration ?? "";
  const parts = [
    [Math.floor(s / 86_400), "day"],
    [Math.floor((s % 86_400) / 3600), "hour"],
    [Math.floor((s % 3600) / 60), "minute"],
    [Math.round(s % 60), "second"],
  ] as const;
  return parts.filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}${n === 1 ? "" : "s"}`).join(" ") || "no time";
}

/** The next times at which a schedule begins, at most n, from a moment on; times are those of a zone. */
export function nextTimes(text: string, zone: string | undefined, after: number, n: number): number[] {
  const s = parseSchedule(text);
  const times: number[] = [];
  if (!s || !knownZone(zone)) return times;
  const start = wall(after, zone);
  for (let i = 0; i < 366 * 5 && times.length < n; i++) {
    const date = new Date(Date.UTC(start.year, start.month - 1, start.day + i));
    const [month, day, weekday] = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCDay()];
    if (!s.month.values.includes(month)) continue;
    const byDay = s.day.values.includes(day);
    const byWeekday = s.weekday.values.includes(weekday);
    if (s.day.any || s.weekday.any ? !(byDay && byWeekday) : !(byDay || byWeekday)) continue;
    for (const hour of s.hour.values) {
      for (const minute of s.minute.values) {
        const at = moment(date.getUTCFullYear(), month, day, hour, minute, zone);
        if (at > after) times.push(at);
        if (times.length === n) return times;
      }
    }
  }
  return times;
}

export function knownZone(zone: string | undefined): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone || "UTC" });
    return true;
  } catch {
    return false;
  }
}

/** What the clocks of a zone say at a moment. */
function wall(at: number, zone: string | undefined) {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone || "UTC", hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" }).formatToParts(at);
  const part = (type: string) => Number(parts.find((p) => p.type === type)?.value);
  return { year: part("year"), month: part("month"), day: part("day"), hour: part("hour"), minute: part("minute") };
}

/** The moment at which the clocks of a zone say so. */
function moment(year: number, month: number, day: number, hour: number, minute: number, zone: string | undefined): number {
  const want = Date.UTC(year, month - 1, day, hour, minute);
  let at = want;
  for (let i = 0; i < 2; i++) { // twice: the first guess may be on the other side of a change of the clocks
    const w = wall(at, zone);
    at += want - Date.UTC(w.year, w.month - 1, w.day, w.hour, w.minute);
  }
  return at;
}
