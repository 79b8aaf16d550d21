// Calls that were made in the runner and calls that were given a name, in the browser's local
// storage: function, arguments as text, and how it went. Never the key, never in whose name, never
// what came back; a call whose arguments hold a secret of the session is not kept at all.

import { useCallback, useSyncExternalStore } from "react";

export interface PastCall {
  at: number;
  path: string;
  text: string;
  ok: boolean;
  /** null for queries, whose results come by themselves. */
  ms: number | null;
}

export interface SavedCall {
  name: string;
  path: string;
  text: string;
}

interface Kept {
  past: PastCall[];
  saved: SavedCall[];
}

const STORED = "lentil-calls";
const PAST_MAX = 60;
const SAVED_MAX = 100;
/** Longer arguments are not kept: the storage of a browser is small. */
const TEXT_MAX = 16_384;
const NAME_MAX = 80;

type Store = Pick<Storage, "getItem" | "setItem">;

const isCall = (one: unknown): one is { path: string; text: string } =>
  typeof one === "object" && one !== null && typeof (one as PastCall).path === "string" && typeof (one as PastCall).text === "string";

/** What somebody else has put there is left out. */
function read(store: Store, deployment: string): Kept {
  try {
    const all = JSON.parse(store.getItem(STORED) ?? "{}") as Record<string, Partial<Kept> | undefined>;
    const own = all[deployment];
    const past = (Array.isArray(own?.past) ? own.past : []).filter((one) => isCall(one) && typeof one.at === "number");
    const saved = (Array.isArray(own?.saved) ? own.saved : []).filter((one) => isCall(one) && typeof one.name === "string");
    return { past, saved };
  } catch {
    return { past: [], saved: [] };
  }
}

/** The calls of one deployment. */
export class Calls {
  private kept: Kept;
  private listeners = new Set<() => void>();

  constructor(
    private readonly deployment: string,
    private readonly store: Store,
  ) {
    this.kept = read(store, deployment);
  }

  get = () => this.kept;

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };

  /** Another tab has changed what is kept. */
  again = () => this.show(read(this.store, this.deployment));

  private show(next: Kept) {
    this.kept = next;
    for (const listener of this.listeners) listener();
  }

  /** Reads before it writes: other tabs write, too. */
  private change(how: (kept: Kept) => Kept) {
    const next = how(read(this.store, this.deployment));
    try {
      const all = JSON.parse(this.store.getItem(STORED) ?? "{}") as Record<string, Kept>;
      this.store.setItem(STORED, JSON.stringify({ ...all, [this.deployment]: next }));
    } catch {
      // A storage that is full or forbidden: what is there stays in this tab.
    }
    this.show(next);
  }

  /** The same call again, one after the other, is one line. */
  note(call: PastCall, secrets: string[]) {
    if (!mayBeKept(call.text, secrets)) return;
    this.change(({ past, saved }) => {
      const [last, ...older] = past;
      const same = last?.path === call.path && last.text === call.text;
      return { past: [call, ...(same ? older : past)].slice(0, PAST_MAX), saved };
    });
  }

  /** Why a call cannot have this name; null if it can. */
  save({ name, path, text }: SavedCall, secrets: string[]): string | null {
    const own = name.trim();
    if (!own) return "Give it a name";
    if (own.length > NAME_MAX) return `A name has at most ${NAME_MAX} characters`;
    if (!mayBeKept(own, secrets) || !mayBeKept(text, secrets)) return "It holds a key, or is too long, and is not kept in the browser";
    const others = this.kept.saved.filter((one) => one.name !== own);
    if (others.length >= SAVED_MAX) return `There are ${SAVED_MAX} saved calls already; forget one first`;
    this.change(({ past, saved }) => {
      const rest = saved.filter((one) => one.name !== own);
      return { past, saved: [...rest, { name: own, path, text }].sort((a, b) => a.name.localeCompare(b.name)) };
    });
    return null;
  }

  forget(name: string) {
    this.change(({ past, saved }) => ({ past, saved: saved.filter((one) => one.name !== name) }));
  }

  forgetPast() {
    this.change(({ saved }) => ({ past: [], saved }));
  }
}

/** Whether text is short enough and without a secret; a key is told by its part after the `|`, too. */
export function mayBeKept(text: string, secrets: string[]): boolean {
  const parts = secrets.flatMap((secret) => [secret, secret.split("|").at(-1)!]).filter((part) => part.length >= 8);
  return text.length <= TEXT_MAX && !parts.some((part) => text.includes(part));
}

const known = new Map<string, Calls>();

export function callsOf(deployment: string): Calls {
  let calls = known.get(deployment);
  if (!calls) {
    const made = (calls = new Calls(deployment, localStorage));
    known.set(deployment, made);
    window.addEventListener("storage", (event) => event.key === STORED && made.again());
  }
  return calls;
}

export function useCalls(deployment: string): Kept & { calls: Calls } {
  const calls = callsOf(deployment);
  const kept = useSyncExternalStore(
    useCallback((listener) => calls.subscribe(listener), [calls]),
    calls.get,
  );
  return { ...kept, calls };
}
