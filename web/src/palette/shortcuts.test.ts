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
  let busy: boolean | undefined;
  const look = (e: Event) => (busy = isBusy(e));
  window.addEventListener("keydown", look);
  const press = (on: Element) => {
    on.dispatchEvent(new KeyboardEvent("keydown", { key: "g", bubbles: true, composed: true }));
    return busy;
  };
  const add = (name: string) => document.body.appendChild(document.createElement(name));
  expect(press(add("input"))).toBe(true);
  expect(press(add("button"))).toBe(false);
  // The YAML editor stands in a shadow root: outside of it, its keys seem to come from a plain element.
  const editor = add("div").attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
  editor.setAttribute("contenteditable", "true");
  expect(press(editor)).toBe(true);
  const dialog = add("dialog");
  dialog.setAttribute("open", "");
  expect(press(add("button"))).toBe(true);
  window.removeEventListener("keydown", look);
});
