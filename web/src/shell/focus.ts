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
    if (first) return; // the browser itself says where a page begins
    const main = document.getElementById("main");
    if (!main) return;
    const left = document.activeElement;
    const tried = () => {
      // Whoever has begun to do something else in the meantime is left alone.
      if (document.activeElement !== left && document.activeElement !== document.body && document.activeElement !== null) return true;
      if (left instanceof Element && main.contains(left) && left.isConnected && left.matches("input, textarea, select")) return true;
      const heading = main.querySelector("h1");
      if (!heading) return false;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      return true;
    };
    if (tried()) return;
    const seen = new MutationObserver(() => {
      if (tried()) seen.disconnect();
    });
    seen.observe(main, { childList: true, subtree: true });
    const enough = window.setTimeout(() => seen.disconnect(), 5000);
    return () => {
      window.clearTimeout(enough);
      seen.disconnect();
    };
  }, [at]);
}
