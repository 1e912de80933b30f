import { render } from "@testing-library/react";
import { expect, test } from "vitest";
import { safe, SafeLink } from "./SafeLink";

test.each(["https://example.com/a?b#c", "http://10.0.0.1:8080/", "mailto:ada@example.com"])("%s is a link", (address) => {
  expect(safe(address)).toBeTruthy();
});

test.each([
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\tscript:alert(1)",
  "\u0001javascript:alert(1)",
  "\u200bjavascript:alert(1)",
  "data:text/html,<script>",
  "vbscript:x",
  "https://user:password@example.com/",
  "//example.com",
  "docs|javascript:alert(1)",
  "",
  "https://" + "a".repeat(9000),
])("%s is text", (address) => {
  expect(safe(address)).toBeUndefined();
  const { container } = render(<SafeLink to={address}>docs</SafeLink>);
  expect(container.querySelector("a")).toBeNull();
  expect(container.textContent).toBe("docs");
});
