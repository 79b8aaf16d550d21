// How far back a page looks: chosen in the top bar, in the page's address, and remembered from page
// to page. Each page says which spans mean something on it; the others have no picker.

import { useCallback, useEffect } from "react";
import { useLocation, useSearchParams } from "react-router";

export interface Range {
  id: string;
  label: string;
  seconds: number;
  /** Seconds a point of a chart stands for. */
  step: number;
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

export const RANGES: Range[] = [
  { id: "5m", label: "5 min", seconds: 5 * MINUTE, step: 1 },
  { id: "1h", label: "1 hour", seconds: HOUR, step: 10 },
  { id: "6h", label: "6 hours", seconds: 6 * HOUR, step: 60 },
  { id: "24h", label: "24 hours", seconds: DAY, step: 60 },
  { id: "7d", label: "7 days", seconds: 7 * DAY, step: HOUR },
  { id: "30d", label: "30 days", seconds: 30 * DAY, step: HOUR },
  { id: "90d", label: "90 days", seconds: 90 * DAY, step: DAY },
  { id: "400d", label: "400 days", seconds: 400 * DAY, step: DAY },
  { id: "all", label: "all kept", seconds: Infinity, step: DAY },
];

export interface Spans {
  ids: string[];
  fallback: string;
}

/** What can be chosen on a page; null where nothing is shown over time. */
export function spansOf(pathname: string, params: URLSearchParams): Spans | null {
  switch (pathname.replace(/(.)\/$/, "$1")) {
    case "/":
      return { ids: ["5m", "1h", "6h", "24h", "7d", "30d"], fallback: "1h" };
    case "/functions":
      // Other tabs show what is now.
      return (params.get("tab") ?? "Statistics") === "Statistics" ? { ids: ["5m", "1h", "7d", "30d"], fallback: "1h" } : null;
    case "/logs":
      // Lines as they come are no span of time.
      return params.get("view") === "kept" ? { ids: ["1h", "24h", "7d", "all"], fallback: "24h" } : null;
    case "/usage":
      return { ids: ["7d", "30d", "90d", "400d"], fallback: "30d" };
    case "/schedules/crons":
    case "/schedules/failed":
      return { ids: ["1h", "24h", "7d", "all"], fallback: "all" };
    default:
      return null;
  }
}

const byId = (id: string | null) => RANGES.find((range) => range.id === id);

/** What is wanted, or what comes next to it of what a page has. */
export function rangeFor({ ids, fallback }: Spans, wanted: string | null): Range {
  const known = byId(wanted);
  const all = RANGES.filter(({ id }) => ids.includes(id));
  if (!known) return byId(fallback)!;
  return all.find(({ seconds }) => seconds >= known.seconds) ?? all[all.length - 1]!;
}

const KEPT_AS = "lentil.range";

/** For as long as the tab is open. */
function remembered(): string | null {
  try {
    return window.sessionStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

function remember(id: string) {
  try {
    window.sessionStorage.setItem(KEPT_AS, id);
  } catch {
    // An embedded page may have no storage: the address still has it.
  }
}

/** The range of this page, which ones there are, and the way to another; null where there are none. */
export function useRanges(): { range: Range; ranges: Range[]; choose: (id: string) => void } | null {
  const { pathname } = useLocation();
  const [params, setParams] = useSearchParams();
  const spans = spansOf(pathname, params);
  const given = params.get("range");
  const range = spans && rangeFor(spans, given ?? remembered());
  const choose = useCallback(
    (id: string) => {
      remember(id);
      setParams(
        (old) => {
          const next = new URLSearchParams(old);
          next.set("range", id);
          return next;
        },
        { replace: true },
      );
    },
    [setParams],
  );
  // A link to this page shows the same, wherever the range was chosen.
  const carried = range && spans && given === null && range.id !== spans.fallback ? range.id : null;
  useEffect(() => {
    if (carried === null) return;
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        next.set("range", carried);
        return next;
      },
      { replace: true },
    );
  }, [carried, setParams]);
  // So does one that was followed: it is what the next page begins with.
  useEffect(() => {
    if (given !== null && byId(given)) remember(given);
  }, [given]);
  if (!spans || !range) return null;
  return { range, ranges: RANGES.filter(({ id }) => spans.ids.includes(id)), choose };
}

const HOUR_RANGE = RANGES[1]!;

/** The range of a page that has one. */
export function useRange(): Range {
  const { pathname } = useLocation();
  const [params] = useSearchParams();
  const spans = spansOf(pathname, params);
  return spans ? rangeFor(spans, params.get("range") ?? remembered()) : HOUR_RANGE;
}
