import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, test } from "vitest";
import type { ApplicationPage, ApplicationWatchEvent } from "../types";
import { apply, asked, pageQuery } from "./data";

const app = (name: string, resourceVersion: string, sync: string) => ({ metadata: { namespace: "argocd", name, resourceVersion }, status: { sync: { status: sync } } });

test("what the stream tells changes the rows on the screen, and nothing older does", () => {
  const queries = new QueryClient();
  const shown = pageQuery({}, 0);
  queries.setQueryData<ApplicationPage>(shown.queryKey, { counts: { total: 3 }, items: [app("a", "5", "Synced"), app("b", "5", "Synced"), app("c", "5", "Synced")] });
  const hidden = pageQuery({}, 1).queryKey;
  queries.setQueryData<ApplicationPage>(hidden, { items: [app("a", "5", "Synced")] });
  const end = new QueryObserver(queries, shown).subscribe(() => {});
  const events: [string, ApplicationWatchEvent][] = [
    ["argocd/a", { type: "MODIFIED", application: app("a", "6", "OutOfSync") }],
    ["argocd/b", { type: "MODIFIED", application: app("b", "4", "OutOfSync") }],
    ["argocd/c", { type: "DELETED", application: app("c", "7", "Synced") }],
    ["argocd/z", { type: "ADDED", application: app("z", "8", "Synced") }],
  ];
  apply(queries, new Map(events));
  end();
  expect(queries.getQueryData<ApplicationPage>(shown.queryKey)?.items?.map((a) => a.metadata?.name + " " + a.status?.sync?.status)).toEqual(["a OutOfSync", "b Synced"]);
  expect(queries.getQueryData<ApplicationPage>(hidden)?.items?.[0].status?.sync?.status).toBe("Synced");
});

test("a search becomes the parameters of the API", () => {
  expect(asked({ repo: ["https://a"], label: ["a=1", "a=2"], sync: ["OutOfSync"], sort: "-name", view: "tiles" })).toMatchObject({
    repos: ["https://a"],
    selector: "a in (1,2)",
    sync: ["OutOfSync"],
    sort: "-name",
  });
});
