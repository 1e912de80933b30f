import { expect, test } from "vitest";
import { fits, mayWords, passwordFault, patternWords } from "./account";

test("refusals stand beside their field", () => {
  expect(passwordFault(new Error("current password does not match"))).toBe("current");
  expect(passwordFault(new Error("new password does not match the following expression: ^.{8,32}$"))).toBe("new");
  expect(passwordFault(new Error("permission denied"))).toBe("form");
});

test("the server's pattern is tried where this browser can read it", () => {
  expect(fits("^.{8,32}$", "correct")).toBe(false);
  expect(fits("^.{8,32}$", "correct-horse")).toBe(true);
  expect(fits("(?i)[", "x")).toBeUndefined();
  expect(fits(undefined, "x")).toBeUndefined();
  expect(patternWords("^.{8,32}$")).toBe("8 to 32 characters.");
  expect(patternWords("^.{6,}$")).toBe("At least 6 characters.");
  expect(patternWords("^[a-z]+$")).toBe("It must match ^[a-z]+$.");
});

test("capabilities in words", () => {
  expect(mayWords({ capabilities: ["login", "apiKey"] })).toBe("log in, and have API tokens");
  expect(mayWords({})).toBe("do nothing");
});
