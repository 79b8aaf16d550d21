// Small hooks that the pages share.

import { useEffect, useState } from "react";

/** How often `value` has changed since the component appeared; 0 at first. */
export function useChangeCount(value: unknown) {
  const [seen, setSeen] = useState({ value, count: 0 });
  if (!Object.is(seen.value, value)) setSeen({ value, count: seen.count + 1 });
  return seen.count;
}

/** The time in milliseconds since the epoch, refreshed every `everyMs` milliseconds. */
export function useNow(everyMs: number) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
