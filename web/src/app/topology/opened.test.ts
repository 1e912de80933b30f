import { expect, test } from "vitest";
import { readOpened, writeOpened } from "./opened";

test("what is folded out and in can be sent as a link", () => {
  const opened = new Map([
    [">apps/Deployment", 1],
    ["apps/Deployment/shop/web", 0],
    [">rbac.authorization.k8s.io/ClusterRole", 3],
    ["rbac.authorization.k8s.io/ClusterRole//a~b,c!d%e", 1],
    ["/Service/shop/a\n/Service/shop/b>pods", 2],
  ]);
  expect(readOpened(writeOpened(opened))).toEqual(opened);
  expect(writeOpened(new Map())).toBeUndefined();
});

test("a link asks for no more than people do, and an address stays one", () => {
  expect(readOpened("a~9999").get("a")).toBe(50);
  expect(readOpened(Array.from({ length: 500 }, (_, i) => `f${i}`).join(",")).size).toBe(100);
  expect(readOpened("%E0%A4%A,b")).toEqual(new Map([["b", 1]]));
  expect(writeOpened(new Map(Array.from({ length: 200 }, (_, i) => [`apps/Deployment/shop/web-${i}`, 1])))).toBeUndefined();
});
