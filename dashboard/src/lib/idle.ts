// Locking the dashboard when nobody has touched it for a while: off unless this browser is told
// otherwise. What is counted is input in this tab; time is that of the clock and not of timers,
// which stand still while a machine sleeps.

import { useSyncExternalStore } from "react";

const STORED = "lentil-lock-minutes";
const LOCKED = "lentil-locked";
/** What is offered; any other number of minutes works, too. */
export const LOCK_MINUTES = [1, 5, 15, 30, 60, 240] as const;
const MINUTES_MAX = 24 * 60;
/** So long before, it is said. */
export const NOTICE_MS = 30_000;

const listeners = new Set<() => void>();

/** 0 if it never locks. */
export function lockMinutes(): number {
  const minutes = Number(localStorage.getItem(STORED) ?? 0);
  return Number.isFinite(minutes) && minutes > 0 ? Math.min(minutes, MINUTES_MAX) : 0;
}

export function setLockMinutes(minutes: number) {
  if (minutes > 0) localStorage.setItem(STORED, String(minutes));
  else localStorage.removeItem(STORED);
  for (const listener of listeners) listener();
}

/** Other tabs of this browser are told by its storage. */
export function useLockMinutes(): number {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    window.addEventListener("storage", listener);
    return () => {
      listeners.delete(listener);
      window.removeEventListener("storage", listener);
    };
  }, lockMinutes);
}

/** When somebody was here last, and what follows from that. */
export class Idle {
  constructor(
    private readonly limitMs: number,
    private last: number,
  ) {}

  /** How long until it locks; not more than 0 if it should have. A clock that was set back counts as input. */
  leftMs(now: number): number {
    if (now < this.last) this.last = now;
    return this.limitMs - (now - this.last);
  }

  /** Somebody is here; false if they come too late, and unlock it first. */
  touched(now: number): boolean {
    if (this.leftMs(now) <= 0) return false;
    this.last = now;
    return true;
  }
}

/** After how many minutes this tab was locked; null if it was not. */
export function lockedAfter(): number | null {
  const minutes = Number(sessionStorage.getItem(LOCKED) ?? 0);
  return minutes > 0 ? minutes : null;
}

export function noteLocked(minutes: number | null) {
  if (minutes === null) sessionStorage.removeItem(LOCKED);
  else sessionStorage.setItem(LOCKED, String(minutes));
}

/** Within another page it is that page which has the key, and hands it out again. */
export const canLock = () => window.parent === window;
