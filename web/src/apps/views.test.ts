import { expect, test } from "vitest";
import { readViews, withView } from "./views";

test("what is kept is read again, and nothing else", () => {
  const views = withView(withView([], "mine", { project: ["shop"] }), "broken", { health: ["Degraded"] });
  expect(views.map((v) => v.name)).toEqual(["broken", "mine"]);
  expect(readViews(JSON.stringify(views))).toEqual(views);
  expect(readViews(null)).toEqual([]);
  expect(readViews("{")).toEqual([]);
  expect(readViews('{"name":"x"}')).toEqual([]);
  expect(readViews('[{"name":"a","search":{"sync":["Synced"],"evil":1}},{"name":""},7,null]')).toEqual([{ name: "a", search: { sync: ["Synced"] } }]);
});

test("a name is used once", () => {
  expect(withView([{ name: "a", search: {} }], "a", { search: "x" })).toEqual([{ name: "a", search: { search: "x" } }]);
});
