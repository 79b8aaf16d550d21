// A part of a page's state that is in its address, so that a link shows the same.

import { useCallback } from "react";
import { useSearchParams } from "react-router";

export function useParam(name: string, fallback = ""): [string, (next: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (next: string) =>
      setParams(
        (old) => {
          const changed = new URLSearchParams(old);
          if (next === fallback) changed.delete(name);
          else changed.set(name, next);
          return changed;
        },
        { replace: true },
      ),
    [setParams, name, fallback],
  );
  return [params.get(name) ?? fallback, set];
}
