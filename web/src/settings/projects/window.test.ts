import { expect, test } from "vitest";
import { durationInWords, nextTimes, parseSchedule, scheduleInWords, seconds } from "./window";

test.each([
  ["0 22 * * *", "every day at 22:00"],
  ["0 22 * * 1-5", "at 22:00, Monday to Friday"],
  ["30 6,18 * * SAT,SUN", "at 06:30 and 18:30, Saturday and Sunday"],
  ["*/15 * * * *", "every 15 minutes"],
  ["* * * * *", "every minute"],
  ["0 * * * *", "every hour"],
  ["0 */4 * * *", "every 4 hours"],
  ["0 3 1 1 *", "at 03:00 on 1 January"],
  ["0 0 1 * *", "at 00:00, on day 1 of the month"],
  ["0 0 1,15 * MON", "at 00:00, on days 1 and 15 of the month or Monday"],
  ["*/5 9-17 * * *", "every 5 minutes, 09:00 to 17:59"],
  ["every day", "every day"],
  ["61 * * * *", "61 * * * *"],
])("%s is said as %s", (schedule, words) => expect(scheduleInWords(schedule)).toBe(words));

test.each(["", "* * * *", "* * * * * *", "5-1 * * * *", "*/0 * * * *", "* * 0 * *", "* * * 13 *", "a * * * *"])("%j is no schedule", (text) => expect(parseSchedule(text)).toBeUndefined());

test("a duration is told in words", () => {
  expect(durationInWords("1h30m")).toBe("1 hour 30 minutes");
  expect(durationInWords("48h")).toBe("2 days");
  expect(durationInWords("soon")).toBe("soon");
  expect(seconds("90s")).toBe(90);
  expect(seconds("1d")).toBeUndefined();
});

const utc = (text: string) => Date.parse(text);

test("the next times are those of the zone, over a change of its clocks", () => {
  // On 29 March 2026, clocks in Berlin go from 02:00 to 03:00.
  expect(nextTimes("0 22 * * *", "Europe/Berlin", utc("2026-03-28T12:00:00Z"), 2)).toEqual([utc("2026-03-28T21:00:00Z"), utc("2026-03-29T20:00:00Z")]);
  expect(nextTimes("0 3 1 1 *", "", utc("2026-06-01T00:00:00Z"), 2)).toEqual([utc("2027-01-01T03:00:00Z"), utc("2028-01-01T03:00:00Z")]);
});

test("a day counts when either of day and weekday fits", () => {
  // 1 June 2026 is a Monday.
  expect(nextTimes("0 0 3 * MON", "UTC", utc("2026-06-01T00:00:00Z"), 2)).toEqual([utc("2026-06-03T00:00:00Z"), utc("2026-06-08T00:00:00Z")]);
});

test("what is no schedule or no zone has no next time", () => {
  expect(nextTimes("never", "UTC", 0, 3)).toEqual([]);
  expect(nextTimes("* * * * *", "Mars/Olympus", 0, 3)).toEqual([]);
  expect(nextTimes("0 0 31 2 *", "UTC", utc("2026-06-01T00:00:00Z"), 1)).toEqual([]);
});
