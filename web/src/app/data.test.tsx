import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Application } from "../types";
import { appQuery, learn, treeQuery, useLive } from "./data";

const app = { namespace: "argocd", name: "shop" };
const record = (version: string, sync = "Synced", uid = "one"): Application => ({ metadata: { ...app, uid, resourceVersion: version }, status: { sync: { status: sync } } });

/** The browser's own, as far as the page uses it; the test is the server. */
class Streams {
  static open: Streams[] = [];
  onopen?: () => void;
  onmessage?: (e: { data: string }) => void;
  onerror?: () => void;
  constructor(readonly url: string) {
    Streams.open.push(this);
  }
  addEventListener() {}
  close() {
    Streams.open = Streams.open.filter((s) => s !== this);
  }
  static of(what: RegExp): Streams {
    return Streams.open.find((s) => what.test(s.url))!;
  }
  tell(value: object) {
    this.onmessage?.({ data: JSON.stringify(value) });
  }
}

const trees = /resource-tree/;
const records = /stream\/applications\?/;

/** What the server answers, by the end of the path: a value, or a status that refuses. */
let answers: Record<string, () => Promise<unknown> | unknown>;
beforeEach(() => {
  Streams.open = [];
  vi.stubGlobal("EventSource", Streams);
  vi.stubGlobal("fetch", async (at: string) => {
    const answer = await answers[Object.keys(answers).find((end) => at.split("?")[0]!.endsWith(end)) ?? ""]?.();
    const status = typeof answer === "number" ? answer : 200;
    return { ok: status === 200, status, text: async () => JSON.stringify(status === 200 ? answer : { message: "no", code: 7 }) };
  });
});
afterEach(() => vi.unstubAllGlobals());

function look(queries = new QueryClient({ defaultOptions: { queries: { retry: false } } })) {
  const hook = renderHook(() => useLive(app), { wrapper: ({ children }) => <QueryClientProvider client={queries}>{children}</QueryClientProvider> });
  return { ...hook, queries, sync: () => hook.result.current.record.data?.status?.sync?.status };
}

test("an answer does not take back what the stream has told meanwhile", async () => {
  let answer = (_: Application) => {};
  answers = { "/shop": () => new Promise((done) => (answer = done)), "/resource-tree": () => ({ nodes: [] }) };
  const queries = new QueryClient();
  const asking = queries.fetchQuery(appQuery(app));
  await waitFor(() => expect(answer.length).toBe(1));
  queries.setQueryData(appQuery(app).queryKey, record("8", "OutOfSync"));
  answer(record("7"));
  await asking;
  expect(queries.getQueryData(appQuery(app).queryKey)).toEqual(record("8", "OutOfSync"));
  learn(queries, app, record("6"));
  expect(queries.getQueryData(appQuery(app).queryKey)).toEqual(record("8", "OutOfSync"));
  learn(queries, app, record("6", "Synced", "another")); // made again, in a cluster that counts anew
  expect(queries.getQueryData(appQuery(app).queryKey)).toEqual(record("6", "Synced", "another"));
});

test("nor does a tree that was read before what the stream has told", async () => {
  let answer = (_: object) => {};
  answers = { "/resource-tree": () => new Promise((done) => (answer = done)) };
  const queries = new QueryClient();
  queries.setQueryData(treeQuery(app).queryKey, { nodes: [{ name: "first" }] });
  const asking = queries.fetchQuery({ ...treeQuery(app), staleTime: 0 });
  await waitFor(() => expect(answer.length).toBe(1));
  queries.setQueryData(treeQuery(app).queryKey, { nodes: [{ name: "third" }] });
  answer({ nodes: [{ name: "second" }] });
  await asking;
  expect(queries.getQueryData(treeQuery(app).queryKey)).toEqual({ nodes: [{ name: "third" }] });
});

test("what is remembered of an earlier visit is asked for again: it may be gone", async () => {
  answers = { "/shop": () => 403, "/resource-tree": () => 403 };
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  queries.setQueryData(appQuery(app).queryKey, record("5"));
  const { result } = look(queries);
  await waitFor(() => expect(result.current.error).toBeDefined());
});

test("a look that fails takes nothing away, and the streams go on", async () => {
  answers = { "/shop": () => record("5"), "/resource-tree": () => ({ nodes: [] }) };
  const { result, queries, sync } = look();
  await waitFor(() => expect(sync()).toBe("Synced"));
  answers["/shop"] = () => 500;
  await act(() => queries.refetchQueries({ queryKey: appQuery(app).queryKey }));
  await waitFor(() => expect(result.current.record.isError).toBe(true));
  expect(result.current.error).toBeUndefined();
  act(() => Streams.of(records).tell({ result: { type: "MODIFIED", application: record("6", "OutOfSync") } }));
  await waitFor(() => expect(sync()).toBe("OutOfSync"));
});

test("whoever may not see it any more is told, and does not look at what was", async () => {
  answers = { "/shop": () => record("5"), "/resource-tree": () => ({ nodes: [] }) };
  const { result, sync } = look();
  await waitFor(() => expect(sync()).toBe("Synced"));
  answers["/shop"] = () => 403;
  act(() => Streams.of(trees).tell({ error: { http_code: 403, grpc_code: 7, message: "permission denied" } }));
  await waitFor(() => expect(result.current.error).toBeDefined());
});

test("an application that is deleted and made again shows the objects of the new one", async () => {
  answers = { "/shop": () => record("5"), "/resource-tree": () => ({ nodes: [] }) };
  const { result, sync } = look();
  await waitFor(() => expect(sync()).toBe("Synced"));
  await waitFor(() => expect(Streams.of(trees)).toBeDefined());
  const before = Streams.of(trees);
  act(() => {
    before.tell({ error: { http_code: 404, grpc_code: 5, message: "not found" } });
    Streams.of(records).tell({ result: { type: "DELETED", application: record("6") } });
  });
  expect(result.current.gone).toBe(true);
  answers["/shop"] = () => record("9", "Synced", "two");
  act(() => Streams.of(records).tell({ result: { type: "ADDED", application: record("9", "Synced", "two") } }));
  expect(result.current.gone).toBe(false);
  await waitFor(() => expect(Streams.of(trees)).toBeDefined());
  expect(Streams.of(trees)).not.toBe(before);
  act(() => Streams.of(trees).tell({ result: { nodes: [{ name: "new" }] } }));
  await waitFor(() => expect(result.current.tree.data?.nodes).toEqual([{ name: "new" }]));
});
