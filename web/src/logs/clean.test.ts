import { expect, test } from "vitest";
import { clean } from "./clean";

test.each([
  ["plain text\twith a tab", "plain text\twith a tab"],
  ["\x1b[31mred\x1b[0m and \x1b[1;38;2;10;20;30mtrue colour\x1b[m", "red and true colour"],
  ["\x9b32mgreen\x9b0m", "green"],
  ["\x1b]8;;https://evil.example/\x1b\\click me\x1b]8;;\x1b\\", "click me"],
  ["\x1b]8;;https://evil.example/\x07click me\x1b]8;;\x07", "click me"],
  ["\x1b]0;a title\x07text", "text"],
  ["\x1bP1$r0m\x1b\\after", "after"],
  ["\x1b[2K\x1b[1G\x1b7done\x1b8\x1b(B", "done"],
  ["cut off \x1b[3", "cut off 3".replace("3", "") + "3"],
  ["\x1b", ""],
  ["ends with a return\r", "ends with a return"],
  ["10%\r20%", "10%␍20%"],
  ["bell\x07 null\x00 delete\x7f", "bell␇ null␀ delete␡"],
  ["pay \u202e001 ot", "pay ⟨U+202E⟩001 ot"],
  ["two\u2028lines", "two⟨U+2028⟩lines"],
  ["\ufefffirst", "⟨U+FEFF⟩first"],
  ["Grüße 🙂 日本", "Grüße 🙂 日本"],
])("%j is shown as %j", (line, want) => {
  expect(clean(line)).toBe(want);
});

test("no escape is left, whatever the order of the pieces", () => {
  const pieces = ["\x1b", "[", "]", "8;;", "\x07", "\x9b", "31m", "\\", "a", "\x1b[0m", "\x9d", "\x9c", "P"];
  for (let i = 0; i < 5000; i++) {
    const line = Array.from({ length: 6 }, (_, k) => pieces[(i * 31 + k * k * 17 + ((i * 7) >> k)) % pieces.length]).join("");
    expect(clean(line)).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/);
  }
});
