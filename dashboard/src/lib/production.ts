// Edits of a production deployment by hand: the first one in a tab asks whether it is meant.

import { useSyncExternalStore } from "react";
import { deploymentType } from "../session";

export class NotMeant extends Error {}

let meant = false;
let asking: ((yes: boolean) => void) | null = null;
const listeners = new Set<() => void>();

function ask(next: typeof asking) {
  asking = next;
  for (const listener of listeners) listener();
}

/** Passes if the edit is meant; throws if not. */
export async function beforeEdit(key: string): Promise<void> {
  if (meant || deploymentType(key) !== "prod") return;
  asking?.(false);
  const yes = await new Promise<boolean>((answer) => ask(answer));
  ask(null);
  if (!yes) throw new NotMeant("Nothing was changed");
  meant = true;
}

/** How to answer the question that is open; null without one. */
export const useEditQuestion = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => asking,
  );
