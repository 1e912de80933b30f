import { useEffect, useState, type RefObject } from "react";

/** Whether an element is, or once was, on the screen or close to it: what is far away need not be drawn yet. */
export const useNear = (ref: RefObject<Element | null>, atOnce: boolean, margin = 600): boolean => useNearness(ref, atOnce, margin, false).ever;

/** The same, and whether it is so now: what has been scrolled past need not be asked for again. */
export function useNearness(ref: RefObject<Element | null>, atOnce: boolean, margin = 600, following = true): { ever: boolean; now: boolean } {
  const [near, setNear] = useState({ ever: atOnce, now: atOnce });
  const settled = near.ever && !following;
  useEffect(() => {
    if (settled) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const now = entries.at(-1)!.isIntersecting;
        setNear((was) => (was.now === now ? was : { ever: was.ever || now, now }));
      },
      {
        rootMargin: `${margin}px`,
        scrollMargin: `${margin}px`, // for what scrolls inside of the page; browsers that do not know it draw a little later
      } as IntersectionObserverInit,
    );
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, [settled]);
  return near;
}
