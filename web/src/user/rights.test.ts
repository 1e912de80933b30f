import { expect, test } from "vitest";
import { actionWords, objectOf, rights, sentence } from "./rights";

test("the answers are said in words", () => {
  const actions = ["get", "create", "sync"];
  expect(sentence(actions, [true, false, true])).toBe("see and sync");
  expect(sentence(actions, [true, true, true])).toBe("everything");
  expect(sentence(actions, [false, false, false])).toBe("nothing");
  expect(sentence(actions, [true, undefined, true])).toBe("…");
  expect(sentence(["get"], [true])).toBe("see");
});

test("every action has a word", () => {
  for (const r of rights) for (const a of r.actions) expect(actionWords[a], a).toBeTruthy();
});

test("within a project, only what belongs to it is asked of it", () => {
  const of = (resource: string) => objectOf(rights.find((r) => r.resource === resource)!, "shop");
  expect(of("applications")).toBe("shop/*");
  expect(of("projects")).toBe("shop");
  expect(of("accounts")).toBe("*");
  expect(objectOf(rights[0], undefined)).toBe("*");
});
