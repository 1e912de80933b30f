import { expect, test } from "vitest";
import { actionWords, objectOf, rights, sentence } from "./rights";

test("the answers are said in words", () => {
  const of = { actions: ["get", "create", "sync"] };
  expect(sentence(of, [true, false, true])).toBe("see and sync");
  expect(sentence(of, [true, true, true])).toBe("everything");
  expect(sentence(of, [false, false, false])).toBe("nothing");
  expect(sentence(of, [true, undefined, true])).toBe("…");
  expect(sentence({ actions: ["get"] }, [true])).toBe("see");
  expect(sentence({ actions: ["create"], words: { create: "open" } }, [true])).toBe("open");
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
