import { diffLines } from "diff";
import { expect, it } from "vitest";
import { folded } from "./lines";

const words = (rows: ReturnType<typeof folded>) => rows.map((r) => (r.kind === "folded" ? `...${r.count}` : `${r.kind[0]}${r.text}`)).join(" ");
const numbers = (n: number) => Array.from({ length: n }, (_, i) => `${i}`).join("\n") + "\n";

it("shows a change and what is around it", () => {
  expect(words(folded(diffLines(numbers(20), numbers(20).replace("10\n", "x\n"))))).toBe("...7 s7 s8 s9 r10 ax s11 s12 s13 ...6");
});
it("does not fold a single line, and has nothing to fold when all is new", () => {
  expect(words(folded(diffLines("a\nb\n", "a\nc\n"), 0))).toBe("sa rb ac");
  expect(words(folded(diffLines("", "a\n")))).toBe("aa");
});
