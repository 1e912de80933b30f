// Light or dark: as the system has it, unless the reader chose one for this browser.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const key = "hawser.theme";

export function theme(): Theme {
  const t = localStorage.getItem(key);
  return t === "light" || t === "dark" ? t : "system";
}

export function chooseTheme(t: Theme): void {
  if (t === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, t);
  followTheme();
  for (const tell of watching) tell();
}

const watching = new Set<() => void>();

export function useTheme(): Theme {
  return useSyncExternalStore(
    (tell) => {
      watching.add(tell);
      return () => watching.delete(tell);
    },
    theme,
  );
}

export function followTheme(): void {
  const t = theme();
  if (t === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = t;
}
