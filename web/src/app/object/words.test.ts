import { expect, it } from "vitest";
import { doing, title } from "./words";

it("makes a title of an action's name", () => {
  expect(title("create-job")).toBe("Create job");
  expect(title("restart", "Restart now")).toBe("Restart now");
  expect(title("-")).toBe("-");
});

it("knows only what it knows", () => {
  expect(doing("apps", "Deployment", "restart")).toMatch(/new ones/);
  expect(doing("x", "constructor", "toString")).toBeUndefined();
});
