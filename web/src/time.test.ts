import { expect, test } from "vitest";
import { ago, between, lasting } from "./time";

test.each([
  [0, "0 s"],
  [59.9, "59 s"],
  [60, "1 min"],
  [3599, "59 min"],
  [7200, "2 h"],
  [86_400 * 3, "3 d"],
  [86_400 * 70, "2 mo"],
  [86_400 * 800, "2 y"],
  [-5, "0 s"],
])("%d seconds last %s", (seconds, text) => expect(lasting(seconds)).toBe(text));

test("ages are told from now", () => {
  const now = Date.parse("2026-11-28T10:00:00Z");
  expect(ago("2026-11-28T09:56:00Z", now)).toBe("4 min ago");
  expect(ago("2026-11-28T09:59:58Z", now)).toBe("now");
  expect(ago("2026-11-28T10:02:00Z", now)).toBe("in 2 min");
  expect(between("2026-11-28T09:58:00Z", undefined, now)).toBe("2 min");
  expect(between(undefined)).toBe("");
});
