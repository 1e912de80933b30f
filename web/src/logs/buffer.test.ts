import { expect, test } from "vitest";
import { Buffer } from "./buffer";

const line = (text: string) => ({ text, at: "", origin: 0, level: undefined });
const all = (b: Buffer) => Array.from({ length: b.length }, (_, i) => b.get(b.first + i)!.text);

test("keeps the newest lines and their numbers", () => {
  const b = new Buffer({ lines: 3, characters: 1000 });
  for (const text of "abcdefgh") b.add(line(text));
  expect(all(b)).toEqual(["f", "g", "h"]);
  expect([b.first, b.next, b.length, b.dropped]).toEqual([5, 8, 3, 5]);
  expect(b.get(4)).toBeUndefined();
  expect(b.get(8)).toBeUndefined();
  expect(b.get(6)).toMatchObject({ id: 6, text: "g" });
});

test("long lines count more, but the newest one always stays", () => {
  const b = new Buffer({ lines: 100, characters: 10 });
  for (const text of ["aaaa", "bbbb", "cccc"]) b.add(line(text));
  expect(all(b)).toEqual(["bbbb", "cccc"]);
  b.add(line("d".repeat(50)));
  expect(all(b)).toEqual(["d".repeat(50)]);
  b.add(line("e"));
  expect(all(b)).toEqual(["e"]);
});

test("counts levels", () => {
  const b = new Buffer({ lines: 2, characters: 1000 });
  for (const level of ["error", "error", "warn", undefined] as const) b.add({ ...line("x"), level });
  expect(b.levels).toEqual({ error: 0, warn: 1, info: 0, debug: 0 });
});

test("a quarter of a million lines", () => {
  const b = new Buffer();
  for (let i = 0; i < 250_000; i++) b.add(line("line " + i));
  expect(b.length).toBe(200_000);
  expect(b.get(b.first)!.text).toBe("line 50000");
  expect(b.get(b.next - 1)!.text).toBe("line 249999");
});
