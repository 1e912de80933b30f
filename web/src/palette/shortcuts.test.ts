import { afterEach, expect, test } from "vitest";
import { isBusy, patience, press, shortcuts } from "./shortcuts";

test("a sequence needs both keys, in time", () => {
  const first = press(undefined, "g", 0, false);
  expect(first.run).toBeUndefined();
  expect(press(first.pending, "a", 500, false)).toEqual({ run: "applications" });
  expect(press(first.pending, "a", patience, false)).toEqual({});
  expect(press(undefined, "a", 0, false)).toEqual({});
});

test("a key that continues nothing begins anew", () => {
  const first = press(undefined, "g", 0, true);
  expect(press(first.pending, "d", 100, true)).toEqual({ run: "diff" });
  expect(press(first.pending, "g", 100, true).pending?.keys).toEqual(["g"]);
});

test("an application's keys do nothing elsewhere", () => {
  expect(press(undefined, "s", 0, true)).toEqual({ run: "sync" });
  expect(press(undefined, "s", 0, false)).toEqual({});
  expect(press(press(undefined, "g", 0, true).pending, "s", 1, true)).toEqual({ run: "settings" });
});

test("the list owns its own key", () => expect(press(undefined, "/", 0, false)).toEqual({}));

test("no two shortcuts of one place are the same, and none begins another", () => {
  for (const a of shortcuts) {
    for (const b of shortcuts) {
      if (a === b || (a.where !== b.where && a.where !== "anywhere")) continue;
      expect(a.keys.every((k, i) => b.keys[i] === k), `${a.keys} hides ${b.keys}`).toBe(false);
    }
  }
});

afterEach(() => document.body.replaceChildren());

test("keys are left to fields and to open dialogs", () => {
  const input = document.body.appendChild(document.createElement("input"));
  const button = document.body.appendChild(document.createElement("button"));
  expect(isBusy(input)).toBe(true);
  expect(isBusy(button)).toBe(false);
  document.body.appendChild(document.createElement("dialog")).setAttribute("open", "");
  expect(isBusy(button)).toBe(true);
});
