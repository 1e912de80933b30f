import { expect, test } from "vitest";
import { withoutStyleElements } from "./styles";

test("style elements become sheets, for as long as the terminal is built", () => {
  // jsdom has no sheets made by script.
  class Sheet {
    text = "";
    replaceSync(text: string) {
      this.text = text;
    }
  }
  const sheets: Sheet[] = [];
  Object.assign(globalThis, { CSSStyleSheet: Sheet });
  Object.defineProperty(document, "adoptedStyleSheets", { value: sheets, writable: true, configurable: true });
  let style!: HTMLElement;
  withoutStyleElements(() => {
    style = document.createElement("style");
    document.body.append(style, document.createElement("div"));
    style.textContent = "a {}";
  });
  expect(document.querySelectorAll("style")).toHaveLength(0);
  expect(document.adoptedStyleSheets.map((s) => (s as unknown as Sheet).text)).toEqual(["a {}"]);
  style.textContent = "b {}";
  expect((document.adoptedStyleSheets[0] as unknown as Sheet).text).toBe("b {}");
  style.remove();
  expect(document.adoptedStyleSheets).toHaveLength(0);
  expect(style.isConnected).toBe(false);
  expect(document.createElement("style")).toBeInstanceOf(HTMLStyleElement);
  expect(() =>
    withoutStyleElements(() => {
      throw new Error("x");
    }),
  ).toThrow();
  expect(document.createElement("style")).toBeInstanceOf(HTMLStyleElement);
});
