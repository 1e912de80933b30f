import { expect, test } from "vitest";
import { Heights } from "./heights";

test("is what a plain list of numbers is", () => {
  const h = new Heights();
  let plain: number[] = [];
  let seed = 7;
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let step = 0; step < 3000; step++) {
    const what = random(10);
    if (what < 6) {
      for (let i = random(60); i >= 0; i--) {
        const height = 18 + random(40);
        h.push(height);
        plain.push(height);
      }
    } else if (what < 8) {
      const n = random(90);
      const sum = plain.slice(0, n).reduce((a, b) => a + b, 0);
      expect(h.shift(n)).toBe(sum);
      plain = plain.slice(n);
    } else if (plain.length) {
      const row = random(plain.length);
      const height = 18 + random(100);
      expect(h.set(row, height)).toBe(height - plain[row]);
      plain[row] = height;
    }
    expect(h.length).toBe(plain.length);
    if (step % 10 === 0 && plain.length) {
      const row = random(plain.length);
      const top = plain.slice(0, row).reduce((a, b) => a + b, 0);
      expect(h.top(row)).toBe(top);
      expect(h.get(row)).toBe(plain[row]);
      expect(h.at(top)).toBe(row);
      expect(h.at(top + plain[row] - 1)).toBe(row);
      expect(h.total).toBe(plain.reduce((a, b) => a + b, 0));
    }
  }
  expect(h.at(-1)).toBe(0);
  expect(h.at(1e12)).toBe(plain.length - 1);
  h.shift(1e9);
  expect([h.length, h.total, h.at(0)]).toEqual([0, 0, 0]);
});
