// How much room there is, for what has to be laid out differently: CSS does the rest.
import { useLayoutEffect, useState, useSyncExternalStore, type RefObject } from "react";

const wide = window.matchMedia("(min-width: 1180px)");

/** Is there room for the filters beside the list? */
export function useRoom(): { side: boolean } {
  const side = useSyncExternalStore(
    (tell) => {
      wide.addEventListener("change", tell);
      return () => wide.removeEventListener("change", tell);
    },
    () => wide.matches,
  );
  return { side };
}

/** The width of an element, and how far from the top of the page it begins: what the list is laid out by. */
export function usePlace(ref: RefObject<HTMLElement | null>): { width: number; top: number } {
  const [place, setPlace] = useState({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = ref.current!;
    const look = () => {
      const { width, top } = element.getBoundingClientRect();
      const now = { width: Math.round(width), top: Math.round(top + window.scrollY) };
      setPlace((was) => (was.width === now.width && was.top === now.top ? was : now));
    };
    look();
    // What stands above it grows and shrinks as well, and moves it.
    const observer = new ResizeObserver(look);
    observer.observe(element);
    for (let e: Element | null = element; e && e !== document.body; e = e.parentElement) {
      for (let above = e.previousElementSibling; above; above = above.previousElementSibling) observer.observe(above);
    }
    return () => observer.disconnect();
  }, [ref]);
  return place;
}
