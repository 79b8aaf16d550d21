// A value that stands still while a page is paused.

import { useRef } from "react";

export function useFrozen<T>(value: T, paused: boolean): T {
  const kept = useRef(value);
  if (!paused) kept.current = value;
  return kept.current;
}
