// Light, dark, or what the system says; remembered in this browser.

import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const STORED = "lentil-theme";
const listeners = new Set<() => void>();
const system = window.matchMedia("(prefers-color-scheme: dark)");

export function theme(): Theme {
  const stored = localStorage.getItem(STORED);
  return stored === "light" || stored === "dark" ? stored : "system";
}

function apply() {
  const chosen = theme();
  document.documentElement.dataset.theme = chosen === "system" ? (system.matches ? "dark" : "light") : chosen;
  for (const listener of listeners) listener();
}

export function setTheme(next: Theme) {
  if (next === "system") localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, next);
  apply();
}

export function startTheme() {
  system.addEventListener("change", apply);
  apply();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** The chosen theme, and the one that is shown. */
export function useTheme(): { chosen: Theme; shown: string } {
  const text = useSyncExternalStore(subscribe, () => `${theme()} ${document.documentElement.dataset.theme}`);
  const [chosen, shown] = text.split(" ") as [Theme, string];
  return { chosen, shown };
}

export const reducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
