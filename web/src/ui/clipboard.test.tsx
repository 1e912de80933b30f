import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { Copy } from "./Copy";
import { Toasts } from "./Toast";

afterEach(() => vi.unstubAllGlobals());

test("without a clipboard, it is said why nothing is copied, and what to do", async () => {
  vi.stubGlobal("navigator", { ...navigator, clipboard: undefined });
  render(
    <>
      <Toasts />
      <Copy text="4c1f2d9" label="Copy the commit" />
    </>,
  );
  fireEvent.click(screen.getByRole("button", { name: "Copy the commit" }));
  const said = await screen.findAllByText(/only pages with https copy/);
  expect(said.length).toBeGreaterThan(0);
});
