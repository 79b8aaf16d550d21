// How many documents tables have, asked for now and then: a live query would be asked again at
// every write of any table.

import { useConvex } from "convex/react";
import { useEffect, useRef, useState } from "react";
import { useScope } from "./component";
import { system } from "./system";

const EVERY_MS = 3_000;

/** null until it is known; asked at once when the key is another. */
export function useSizes(key = "", of: "sizes" | "sizesEverywhere" = "sizes"): Record<string, number> | null {
  const client = useConvex();
  const { id } = useScope();
  const known = useRef(id);
  const [sizes, setSizes] = useState<Record<string, number> | null>(null);
  useEffect(() => {
    let stopped = false;
    // Those of another component are of no use here.
    if (known.current !== id) setSizes(null);
    known.current = id;
    let timer = 0;
    const ask = async () => {
      try {
        const next = document.hidden ? null : await client.query(system[of] as typeof system.sizes, of === "sizesEverywhere" || id === null ? {} : { componentId: id });
        if (next && !stopped) setSizes(next);
      } catch {
        // What is known stays, and is asked for again.
      }
      if (!stopped) timer = window.setTimeout(() => void ask(), EVERY_MS);
    };
    void ask();
    return () => {
      stopped = true;
      window.clearTimeout(timer);
    };
  }, [client, key, id, of]);
  return sizes;
}
