import { expect, test } from "vitest";
import { after } from "./answers";

const well = { silent: 0, ended: false };

test("silence is counted until something answers, be it a refusal", () => {
  const once = after(well, 0);
  expect(after(once, 0).silent).toBe(2);
  expect(after(once, 503)).toEqual(well); // a repository that is away: the server said so
  expect(after(once, 404)).toEqual(well);
  expect(after(once, 200)).toEqual(well);
});

test("a good answer changes nothing, not even the object", () => expect(after(well, 200)).toBe(well));

test("only 401 ends a session: what is forbidden does not", () => {
  expect(after(well, 401).ended).toBe(true);
  expect(after(well, 403).ended).toBe(false);
  expect(after(well, 0).ended).toBe(false);
});
