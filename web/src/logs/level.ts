// How serious a line is, as far as it says so itself.

export const levels = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof levels)[number];

const words: Record<string, Level> = {};
for (const [level, names] of Object.entries({
  error: "e err error fatal f crit critical alert emerg emergency panic severe dpanic",
  warn: "w warn warning",
  info: "i info information informational notice log",
  debug: "d debug dbg trace t verbose fine finer finest",
})) {
  for (const name of names.split(" ")) words[name] = level as Level;
}

// "level":"error", "severity":"ERROR", "level":50 (pino, bunyan), "log.level":"warn"
const inJSON = /"(?:log\.)?(?:level|severity|lvl|loglevel|levelname|@l)"\s*:\s*(?:"([A-Za-z]+)"|(\d{1,3})\b)/i;
const inLogfmt = /(?:^|\s)(?:level|lvl|severity|loglevel)=("?)([A-Za-z]+)\1(?:\s|$)/i;
const klog = /^([EWIF])\d{4} \d\d:\d\d:\d\d/;
// [ERROR], <warn>, ERROR, WARNING:, error: — small letters count only where they stand as a label, so that "no error
// was found" is not one.
const bracketed = /[[<(](error|err|fatal|critical|crit|panic|severe|alert|emerg|warning|warn|notice|info|debug|trace|dbg)[\])>]/i;
const shouted = /(?:^|[\s|:])(ERROR|ERR|FATAL|CRITICAL|CRIT|PANIC|SEVERE|ALERT|EMERG|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE|VERBOSE)(?=[\s|:]|$)/;
const label = /^(?:[\d\s:.,/TZ+-]*)(error|fatal|panic|warning|warn|info|debug|trace)\s*:/i;

/** The level of a line that is clean; undefined when it tells none. Only its beginning is looked at, but for JSON. */
export function levelOf(line: string): Level | undefined {
  if (line.charCodeAt(0) === 0x7b) {
    const m = inJSON.exec(line.length > 4096 ? line.slice(0, 4096) : line);
    if (m) return m[1] ? words[m[1].toLowerCase()] : ofNumber(Number(m[2]));
  }
  const start = line.length > 240 ? line.slice(0, 240) : line;
  const name = inLogfmt.exec(start)?.[2] ?? klog.exec(start)?.[1] ?? first(start);
  return name === undefined ? undefined : words[name.toLowerCase()];
}

/** Whichever of the words comes first: what follows is the message. */
function first(line: string): string | undefined {
  const found = [bracketed.exec(line), shouted.exec(line), label.exec(line)].filter((m) => m !== null);
  return found.sort((a, b) => a.index - b.index)[0]?.[1];
}

/** Levels of pino and bunyan: 10 trace … 60 fatal. */
function ofNumber(n: number): Level | undefined {
  if (n < 10 || n > 60) return undefined;
  return n >= 50 ? "error" : n >= 40 ? "warn" : n >= 30 ? "info" : "debug";
}
