import { expect, test } from "vitest";
import { matcher, parts } from "./filter";

const found = (text: string, line: string, more: { regex?: boolean; matchCase?: boolean } = {}) => {
  const { matches } = matcher({ text, regex: false, matchCase: false, ...more });
  return !matches || matches(line);
};

test.each([
  ["", "anything", true],
  ["time out", "out of time", true],
  ['"time out"', "out of time", false],
  ['"time out"', "a TIME OUT", true],
  ["-healthz get", "GET /healthz", false],
  ["-healthz get", "GET /", true],
  ["-healthz", "POST /", true],
  ["a.b", "axb", false],
  ["status=502", "status=502 took=1", true],
  ["ß", "GROß", true],
  ["[", "an [ opens", true],
  ["-", "a-b", true],
])("%s in %s: %s", (text, line, want) => {
  expect(found(text, line)).toBe(want);
});

test("case and expressions", () => {
  expect(found("Get", "get", { matchCase: true })).toBe(false);
  expect(found("5\\d\\d$", "status 503", { regex: true })).toBe(true);
  expect(found("^get", "GET /", { regex: true })).toBe(true);
  expect(found("^get", "GET /", { regex: true, matchCase: true })).toBe(false);
});

test("an expression that cannot be used says why, and hides nothing", () => {
  const m = matcher({ text: "(", regex: true, matchCase: false });
  expect(m.error).toBeTruthy();
  expect(m.matches).toBeUndefined();
});

test("the server is asked for the longest word", () => {
  expect(matcher({ text: 'a -longest "of all" gateway', regex: false, matchCase: false }).word).toBe("gateway");
  expect(matcher({ text: "-a", regex: false, matchCase: false }).word).toBeUndefined();
});

test("what was looked for is marked", () => {
  const { mark } = matcher({ text: "o r", regex: false, matchCase: false });
  expect(parts("four", mark).map((p) => (p.marked ? `<${p.text}>` : p.text)).join("")).toBe("f<o>u<r>");
  expect(parts("aab", /a*/g).map((p) => (p.marked ? `<${p.text}>` : p.text)).join("")).toBe("<aa>b");
  expect(parts("", /x/g)).toEqual([]);
});
