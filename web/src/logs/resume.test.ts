import { expect, test } from "vitest";
import { comparable, Seen } from "./resume";

test("times are in order though Go leaves out zeros", () => {
  const times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000001Z", "2026-01-01T00:00:00.2Z", "2026-01-01T00:00:00.208Z", "2026-01-01T00:00:01Z"];
  expect([...times].reverse().sort((a, b) => (comparable(a) < comparable(b) ? -1 : 1))).toEqual(times);
});

test("nothing is asked for from a time before there was a line", () => {
  expect(new Seen().resume()).toBeUndefined();
});

/** A log of two containers, of which some lines have the same time. */
const log: [container: string, at: string][] = [];
for (let i = 0; i < 4000; i++) {
  const at = new Date(Date.UTC(2026, 0, 1) + Math.floor(i / 3) * 40).toISOString();
  log.push([i % 7 === 0 ? "quiet" : "chatty", at]);
}

test.each([1, 2, 3, 100, 1000, 1001, 1002, 3999])("no line is lost or doubled by a break after %i", (cut) => {
  const seen = new Seen();
  const got: number[] = [];
  const play = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (seen.take(log[i][0], log[i][1]) !== "seen") got.push(i);
  };
  play(0, cut);
  for (const to of [Math.min(cut + 700, log.length), log.length]) {
    const since = seen.resume()!;
    const from = log.findIndex(([, at]) => comparable(at) >= comparable(since));
    expect(from).toBeGreaterThanOrEqual(0);
    play(from, to);
  }
  expect(got).toEqual(log.map((_, i) => i));
});

test("what happened in one instant is told apart by how often", () => {
  const seen = new Seen();
  const at = "2026-01-01T00:00:00.5Z";
  expect([1, 2, 3].map(() => seen.take("a", at))).toEqual(["new", "new", "new"]);
  seen.resume();
  expect([1, 2, 3, 4, 5].map(() => seen.take("a", at))).toEqual(["seen", "seen", "seen", "new", "new"]);
});

test("a gap is noticed when the last line does not come again", () => {
  const seen = new Seen();
  seen.take("a", "2026-01-01T00:00:10Z");
  expect(seen.resume()).toBe("2026-01-01T00:00:05Z");
  expect(seen.take("a", "2026-01-01T00:09:00Z")).toBe("gap");
  expect(seen.take("a", "2026-01-01T00:09:01Z")).toBe("new");
});

test("a container that was silent for long has no gap, nor has a new one", () => {
  const seen = new Seen();
  seen.take("old", "2026-01-01T00:00:00Z");
  seen.take("a", "2026-01-01T01:00:00Z");
  seen.resume();
  expect(seen.take("old", "2026-01-01T01:00:03Z")).toBe("new");
  expect(seen.take("b", "2026-01-01T01:00:03Z")).toBe("new");
});

test("out of order is fine while nothing was broken", () => {
  const seen = new Seen();
  expect(["10", "09", "11"].map((s) => seen.take("a", `2026-01-01T00:00:${s}Z`))).toEqual(["new", "new", "new"]);
});
