import { expect, test } from "vitest";
import { fewerColours, nearest } from "./colours";

test.each([
  [0, 0, 0, 16],
  [255, 255, 255, 231],
  [255, 0, 0, 196],
  [95, 135, 175, 67],
  [128, 128, 128, 244],
  [9, 9, 9, 232],
])("the nearest to %i,%i,%i is %i", (r, g, b, want) => {
  expect(nearest(r, g, b)).toBe(want);
});

test("colours of 24 bits become ones of 256, and nothing else changes", () => {
  const f = fewerColours();
  expect(f("a\x1b[1;38;2;255;0;0;4mb\x1b[0m")).toBe("a\x1b[1;38;5;196;4mb\x1b[0m");
  expect(f("\x1b[48:2::255:255:255mb")).toBe("\x1b[48;5;231mb");
  expect(f("\x1b[48:2:0:0:0mb")).toBe("\x1b[48;5;16mb");
  expect(f("\x1b[38;5;2mok 38;2;1;2;3m \x1b[2J")).toBe("\x1b[38;5;2mok 38;2;1;2;3m \x1b[2J");
  expect(f("\x1b[38;2;255;0;0;48;2;0;0;0m")).toBe("\x1b[38;5;196;48;5;16m");
});

test("however the output is cut", () => {
  const text = "x\x1b[38;2;255;0;0mred\x1b[0m \x1b]8;;u\x07l\x1b]8;;\x07\x1b[48;2;0;0;0m\x1b[Kend";
  const whole = fewerColours()(text);
  for (let i = 1; i < text.length; i++) {
    for (let j = i; j < text.length; j += 3) {
      const f = fewerColours();
      expect(f(text.slice(0, i)) + f(text.slice(i, j)) + f(text.slice(j))).toBe(whole);
    }
  }
});
