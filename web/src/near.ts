import { useEffect, useState, type RefObject } from "react";

/** Whether an element is, or once was, on the screen or close to it: what is far away need not be drawn yet. */
export function useNear(ref: RefObject<Element | null>, atOnce: boolean, margin = 600): boolean {
  const [near, setNear] = useState(atOnce);
  useEffect(() => {
    if (near) return;
    const observer = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && setNear(true), {
      rootMargin: `${margin}px`,
      scrollMargin: `${margin}px`, // for what scrolls inside of the page; browsers that do not know it draw a little later
    } as IntersectionObserverInit);
    observer.observe(ref.current!);
    return () => observer.disconnect();
  }, [near]);
  return near;
}
