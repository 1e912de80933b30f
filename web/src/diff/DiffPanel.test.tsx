import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { act, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Application } from "../types";
import { DiffPanel } from "./DiffPanel";

const app = { namespace: "argocd", name: "big" };
const record: Application = {
  metadata: app,
  status: { sync: { status: "OutOfSync" }, resources: Array.from({ length: 800 }, (_, i) => ({ kind: "ConfigMap", namespace: "big", name: `thing-${i}`, status: "OutOfSync", uid: `u${i}` })) },
};

/** Nothing comes near until the test says so. */
class Observer {
  static all = new Map<Element, (near: boolean) => void>();
  constructor(private tell: (entries: { isIntersecting: boolean }[]) => void) {}
  observe(e: Element) {
    Observer.all.set(e, (near) => this.tell([{ isIntersecting: near }]));
  }
  unobserve() {}
  disconnect() {}
}

let asked: string[] = [];
beforeEach(() => {
  asked = [];
  Observer.all.clear();
  vi.stubGlobal("IntersectionObserver", Observer);
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  vi.stubGlobal("scrollTo", () => {});
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function () {
    this.open = false;
  };
  vi.stubGlobal("fetch", async (at: string) => {
    asked.push(at);
    return { ok: true, status: 200, text: async () => "{}" };
  });
});
afterEach(() => vi.unstubAllGlobals());

test("of hundreds of objects, those in sight are asked for and drawn", async () => {
  const top = createRootRoute();
  const inside = createRoute({ getParentRoute: () => top, id: "inside" });
  const page = createRoute({ getParentRoute: () => inside, path: "/applications/$namespace/$name", component: () => <DiffPanel app={app} record={record} onClose={() => {}} /> });
  const router = createRouter({ routeTree: top.addChildren([inside.addChildren([page])]), history: createMemoryHistory({ initialEntries: ["/applications/argocd/big"] }) });
  const queries = new QueryClient();
  render(
    <QueryClientProvider client={queries}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  await screen.findByText("800 differ");
  const objects = document.querySelectorAll("[data-object]");
  expect(objects).toHaveLength(800);
  await waitFor(() => expect(asked).toHaveLength(3));
  expect(document.querySelectorAll("[data-object] a")).toHaveLength(3);

  // One comes near: it is asked for. News of the application is asked for of those in sight alone.
  await act(async () => Observer.all.get(objects[500]!)!(true));
  await waitFor(() => expect(asked).toHaveLength(4));
  expect(asked[3]).toContain("thing-500");
  await act(async () => Observer.all.get(objects[0]!)!(false));
  await act(() => queries.invalidateQueries());
  await waitFor(() => expect(asked).toHaveLength(7));
  expect(asked.slice(4).some((at) => at.includes("thing-0&") || at.endsWith("thing-0"))).toBe(false);
});
