import { expect, test } from "vitest";
import { ranked, score } from "./rank";

const best = (query: string, ...list: string[]) => ranked(query, list, (t) => [t]);

test("the same before a beginning, a word, a part, and letters in order", () => {
  expect(best("shop", "my-workshop", "s-h-o-p", "the shop", "shop-eu", "shop", "payments")).toEqual(["shop", "shop-eu", "the shop", "my-workshop", "s-h-o-p"]);
});

test("initials find", () => expect(best("hr", "History", "Hard refresh")).toEqual(["Hard refresh", "History"]));

test("all words must fit, in any order", () => {
  expect(score("cluster prod", "prod cluster")).toBeGreaterThan(0);
  expect(score("cluster prod", "cluster")).toBe(0);
});

test("scattered letters are no answer", () => expect(score("ratio", "prepare a statement in order")).toBe(0));

test("nothing typed leaves the order as it is", () => expect(best("", "b", "a")).toEqual(["b", "a"]));

test("a name counts more than what stands beside it", () => {
  const list = [{ name: "other", beside: "settings" }, { name: "settings", beside: "other" }];
  expect(ranked("settings", list, (i) => [i.name, i.beside])[0].name).toBe("settings");
});
