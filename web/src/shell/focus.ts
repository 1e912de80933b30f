// A new screen begins at its heading, for those who hear it: after a step of the router, the focus would stay on a link
// that is gone, or on one of the bar.
import { useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

export function useHeadingFocus(): void {
  const at = useRouterState({ select: (s) => s.resolvedLocation?.pathname });
  const before = useRef(at);
  useEffect(() => {
    const first = before.current === undefined;
    if (at === before.current) return;
    before.current = at;
    const main = document.getElementById("main");
    if (first || !main) return; // the browser itself says where a page begins
    let ours: Element | null = document.activeElement;
    // Parts of a screen come one after the other, and a heading may be taken away again by the one that follows.
    const look = () => {
      const now = document.activeElement;
      if (now !== ours && now !== document.body && now !== null) return stop(); // the reader has begun something else
      if (now instanceof Element && main.contains(now) && now.matches("input, textarea, select")) return stop();
      const heading = [...main.querySelectorAll("h1")].find((h) => h.getClientRects().length > 0);
      if (!heading || heading === now) return;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      ours = heading;
    };
    const seen = new MutationObserver(look);
    const enough = window.setTimeout(() => seen.disconnect(), 3000);
    const stop = () => {
      seen.disconnect();
      window.clearTimeout(enough);
    };
    seen.observe(main, { childList: true, subtree: true, attributes: true, attributeFilter: ["style"] });
    look();
    return stop;
  }, [at]);
}
