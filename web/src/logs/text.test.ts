import { expect, test } from "vitest";
import { clock, foldable, plain, unfold } from "./text";

test("times are told in the reader's zone, with the day when it is another", () => {
  const at = "2026-03-01T12:00:01.0345Z";
  const d = new Date(at);
  const hour = String(d.getHours()).padStart(2, "0");
  expect(clock(at, d)).toBe(`${hour}:00:01.034`);
  expect(clock("2026-03-01T12:00:01Z", d)).toBe(`${hour}:00:01.000`);
  expect(clock(at, new Date(2030, 0, 1))).toMatch(/^2026-03-0\d \d\d:00:01\.034$/);
  expect(clock("")).toBe("");
});

test("a file says when, where and what", () => {
  const lines = [
    { id: 0, text: "hello", at: "2026-03-01T12:00:01.0345Z", origin: 0, level: undefined },
    { id: 1, text: "pod b is new", at: "", origin: -1, level: undefined },
  ];
  expect(plain(lines, [{ pod: "a", container: "main" }], true)).toBe("2026-03-01T12:00:01.0345Z a/main hello\n# pod b is new\n");
  expect(plain(lines, [{ pod: "a", container: "main" }], false)).toMatch(/^2026-03-01T12:00:01.0345Z hello\n/);
});

test("JSON is unfolded, also after other words", () => {
  expect(unfold('{"a":1}')).toEqual({ prefix: "", pretty: '{\n  "a": 1\n}' });
  expect(unfold('[main] INFO {"a":[1]}')?.prefix).toBe("[main] INFO ");
  expect(unfold("{not json}")).toBeUndefined();
  expect(foldable("func() {}")).toBe(false);
  expect(unfold('["a"]')?.pretty).toBe('[\n  "a"\n]');
});

test("JSON is set out as it is written", () => {
  for (const value of [{ a: { b: [1, { c: null }], d: 'x, {y}: ["\\', e: {}, f: [] }, g: -1.5e3 }, [], [[]], "text", [true, "\\"]]) {
    const text = "m " + JSON.stringify({ v: value });
    expect(unfold(text)?.pretty).toBe(JSON.stringify({ v: value }, null, 2));
  }
  expect(unfold('{"id":12345678901234567890}')?.pretty).toContain("12345678901234567890");
  expect(unfold('{"a" : [ ] , "b":{ }}')?.pretty).toBe('{\n  "a": [],\n  "b": {}\n}');
});
