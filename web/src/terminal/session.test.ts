import { expect, test } from "vitest";
import { cut, ending, understand } from "./session";

test("messages", () => {
  expect(understand('{"operation":"stdout","data":"reconnect","rows":0,"cols":0}')).toEqual({ output: "reconnect" });
  expect(understand('{"Code":1}')).toEqual({ reconnect: true });
  expect(understand('{"Code":2}')).toEqual({ reconnect: false });
  expect(understand("no json")).toEqual({});
  expect(understand("null")).toEqual({ reconnect: false });
});

test("what is pasted is not cut within a character", () => {
  expect(cut("ab🙂c", 3)).toBe(2);
  expect(cut("ab🙂c", 4)).toBe(4);
  expect(cut("ab🙂", 100)).toBe(100);
});

test("the end is explained", () => {
  expect(ending(1000, "terminals have been switched off")).toBe("Terminals have been switched off.");
  expect(ending(1000, "")).toBe("The shell has ended.");
  expect(ending(1006, "")).toBe("The connection broke off.");
});
