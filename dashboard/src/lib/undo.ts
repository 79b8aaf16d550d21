// The last edits made in this tab and how to take them back, for half an hour.

import { useSyncExternalStore } from "react";

export interface Edit {
  at: number;
  /** "edited 3 rows of messages" */
  text: string;
  undo: () => Promise<void>;
}

const KEPT_MS = 30 * 60_000;
const MAX = 50;
let edits: Edit[] = [];
const listeners = new Set<() => void>();

function set(next: Edit[]) {
  edits = next;
  for (const listener of listeners) listener();
}

export function remember(text: string, undo: () => Promise<void>) {
  const now = Date.now();
  set([...edits.filter((edit) => now - edit.at < KEPT_MS), { at: now, text, undo }].slice(-MAX));
}

/** Takes back the newest edit; gives what it was, or null when there is none. */
export async function undoLast(): Promise<string | null> {
  const now = Date.now();
  const kept = edits.filter((edit) => now - edit.at < KEPT_MS);
  const last = kept.pop();
  if (!last) return null;
  await last.undo();
  set(kept);
  return last.text;
}

export function useEdits(): Edit[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => edits,
  );
}
