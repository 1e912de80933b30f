import { expect, test } from "vitest";
import { readChosen, readFilter, usual, writeChosen, writeFilter } from "./chosen";

test("what is chosen survives an address", () => {
  const chosen = { pod: "web-1", container: "main", since: 3600, tail: 0, previous: true, levels: ["error", "warn"] as const, search: "a = b previous" };
  expect(readChosen(writeChosen(chosen))).toEqual(chosen);
  expect(writeChosen(usual)).toBeUndefined();
  expect(readChosen(undefined)).toEqual(usual);
  expect(readChosen("tail=-1 since=x level=loud")).toEqual(usual);
});

test.each([
  { text: "a b", regex: false, matchCase: false },
  { text: "/healthz/", regex: false, matchCase: false },
  { text: "^5\\d/x$", regex: true, matchCase: false },
  { text: "Get", regex: false, matchCase: true },
  { text: "Get", regex: true, matchCase: true },
])("so does the filter %j", (filter) => {
  expect(readFilter(writeFilter(filter))).toEqual(filter);
});

test("no filter takes no room", () => {
  expect(writeFilter({ text: "", regex: true, matchCase: true })).toBeUndefined();
  expect(readFilter(undefined)).toEqual({ text: "", regex: false, matchCase: false });
});
