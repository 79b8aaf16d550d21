// A value that changes more often than it is worth drawing.

import { startTransition, useEffect, useRef, useState } from "react";

/** The value as it was when it was last taken, which is at most every so many milliseconds. */
export function useEvery<T>(value: T, ms: number): T {
  const [taken, setTaken] = useState(value);
  const latest = useRef(value);
  latest.current = value;
  const takenAt = useRef(0);
  const changed = taken !== value;
  useEffect(() => {
    if (!changed) return;
    // Whoever waits goes on waiting while the value changes again: it is the newest that is taken.
    const timer = setTimeout(() => {
      takenAt.current = performance.now();
      // No frame waits for all of what it draws.
      startTransition(() => setTaken(latest.current));
    }, Math.max(0, takenAt.current + ms - performance.now()));
    return () => clearTimeout(timer);
  }, [changed, taken, ms]);
  return taken;
}
