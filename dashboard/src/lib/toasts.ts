// Short messages about what just happened; see components/Toasts.tsx.

import { useSyncExternalStore } from "react";

export interface Toast {
  id: number;
  text: string;
  kind: "done" | "error";
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 6_000;
const MAX = 4;
let toasts: Toast[] = [];
let serial = 0;
const listeners = new Set<() => void>();

function set(next: Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}

export function dismiss(id: number) {
  set(toasts.filter((toast) => toast.id !== id));
}

export function toast(text: string, kind: Toast["kind"] = "done", action?: Toast["action"]) {
  const id = ++serial;
  set([...toasts, { id, text, kind, action }].slice(-MAX));
  window.setTimeout(() => dismiss(id), action ? SHOWN_MS * 2 : SHOWN_MS);
}

export function useToasts(): Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}

export async function copy(text: string, what = "Copied") {
  try {
    await navigator.clipboard.writeText(text);
    toast(what);
  } catch {
    toast("The browser did not allow copying (clipboards need https or localhost)", "error");
  }
}
