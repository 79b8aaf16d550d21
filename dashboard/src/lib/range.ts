// How far back a page looks: chosen in the top bar, in the page's address, and remembered from page
// to page. Each page says which spans mean something on it; the others have no picker.

import { useCallback, useEffect, useMemo } from "react";
import { useLocation, useSearchParams } from "react-router";
import { endsLabel, endsText, parseEnds, type Ends } from "./ends";

export interface Range {
  id: string;
  label: string;
  seconds: number;
  /** Seconds a point of a chart stands for. */
  step: number;
  /** Where it begins and ends, if somebody has said that; otherwise it ends now. */
  ends?: Ends;
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
  /** Whether it can also be from one moment to another. */
  fromTo?: boolean;
}

const LINES = ["5m", "1h", "24h", "7d", "all"];

/** What can be chosen on a page; null where nothing is shown over time. */
export function spansOf(pathname: string, params: URLSearchParams): Spans | null {
  switch (pathname.replace(/(.)\/$/, "$1")) {
    case "/":
      return { ids: ["5m", "1h", "6h", "24h", "7d", "30d"], fallback: "1h" };
    case "/functions":
      switch (params.get("tab") ?? "Statistics") {
        case "Statistics":
          return { ids: ["5m", "1h", "7d", "30d"], fallback: "1h" };
        case "Logs":
          return { ids: LINES, fallback: "all" };
        default:
          // Other tabs show what is now.
          return null;
      }
    case "/logs":
      return { ids: LINES, fallback: params.get("view") === "kept" ? "24h" : "all", fromTo: true };
    case "/history":
      return { ids: ["1h", "24h", "7d", "30d", "all"], fallback: "all", fromTo: true };
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

/** From one moment to another. */
function ofEnds(ends: Ends, now: number): Range {
  const seconds = ((ends.to ?? now) - (ends.from ?? -Infinity)) / 1000;
  return { id: endsText(ends), label: endsLabel(ends, now), seconds, step: DAY, ends };
}

/** What is wanted, or what reaches back as far of what a page has. */
export function rangeFor({ ids, fallback, fromTo }: Spans, wanted: string | null, now = Date.now()): Range {
  const ends = parseEnds(wanted ?? "");
  if (ends && fromTo) return ofEnds(ends, now);
  const back = ends ? ofEnds({ ...ends, to: null }, now).seconds : byId(wanted)?.seconds;
  if (back === undefined) return byId(fallback)!;
  const all = RANGES.filter(({ id }) => ids.includes(id));
  return all.find(({ seconds }) => seconds >= back) ?? all[all.length - 1]!;
}

/** The moments between which it lies; `to` is null as long as it goes on. */
export function momentsOf({ seconds, ends }: Range, now = Date.now()): { from: number; to: number | null } {
  return ends ? { from: ends.from ?? 0, to: ends.to } : { from: Math.max(0, now - seconds * 1000), to: null };
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

/** The range of this page and what else it has: the same object for as long as it is the same range. */
function useFound(): { range: Range; spans: Spans } | null {
  const { pathname } = useLocation();
  const [params] = useSearchParams();
  const key = JSON.stringify([spansOf(pathname, params), params.get("range") ?? remembered()]);
  return useMemo(() => {
    const [spans, wanted] = JSON.parse(key) as [Spans | null, string | null];
    return spans && { spans, range: rangeFor(spans, wanted) };
  }, [key]);
}

interface Choices {
  range: Range;
  ranges: Range[];
  fromTo: boolean;
  choose: (id: string) => void;
}

/** The range of this page, which ones there are, and the way to another; null where there are none. */
export function useRanges(): Choices | null {
  const [params, setParams] = useSearchParams();
  const found = useFound();
  const { range = null, spans = null } = found ?? {};
  const given = params.get("range");
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
    if (given !== null && (byId(given) || parseEnds(given))) remember(given);
  }, [given]);
  if (!spans || !range) return null;
  return { range, ranges: RANGES.filter(({ id }) => spans.ids.includes(id)), fromTo: spans.fromTo === true, choose };
}

const HOUR_RANGE = RANGES[1]!;

/** The range of a page that has one. */
export const useRange = (): Range => useFound()?.range ?? HOUR_RANGE;
