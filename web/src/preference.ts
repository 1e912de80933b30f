// How the reader likes to see things on this machine: the width of a panel, one column or two. It is no part of what is
// seen, so it stands in the browser and not in the address.
import { useState } from "react";

/** A preference that is kept in the browser, where it can be; `read` makes sense of what is kept, or says undefined. */
export function usePreference<T extends string | number | boolean>(name: string, initial: T, read: (kept: unknown) => T | undefined): [T, (value: T) => void] {
  const key = "hawser." + name;
  const [value, setValue] = useState<T>(() => {
    try {
      return read(JSON.parse(localStorage.getItem(key) ?? "null")) ?? initial;
    } catch {
      return initial; // nothing kept, or a browser that keeps nothing
    }
  });
  return [
    value,
    (v) => {
      setValue(v);
      try {
        localStorage.setItem(key, JSON.stringify(v));
      } catch {
        // It holds until the page is closed.
      }
    },
  ];
}
