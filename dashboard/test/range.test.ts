// Which spans of time a page has, and what becomes of one that was chosen elsewhere.

import { describe, expect, test } from "vitest";
import { momentsOf, rangeFor, spansOf } from "../src/lib/range";

const spans = (path: string) => {
  const [pathname, search] = path.split("?");
  return spansOf(pathname!, new URLSearchParams(search));
};
const id = (path: string, wanted: string | null) => rangeFor(spans(path)!, wanted).id;

describe("ranges", () => {
  test("a page has what it can show, and what comes next to what is wanted", () => {
    expect(id("/", null)).toBe("1h");
    expect(id("/", "30d")).toBe("30d");
    expect(id("/", "nonsense")).toBe("1h");
    expect(id("/functions?f=a", "6h")).toBe("7d");
    expect(id("/usage", "5m")).toBe("7d");
    expect(id("/logs?view=kept", "30d")).toBe("all");
    expect(id("/functions", "all")).toBe("30d");
    expect(id("/schedules/failed/", null)).toBe("all");
    expect(id("/logs", null)).toBe("all");
    expect(id("/logs?view=kept", null)).toBe("24h");
    expect(id("/functions?tab=Logs", "5m")).toBe("5m");
    expect(id("/history", "5m")).toBe("1h");
  });

  test("pages about now have none", () => {
    for (const path of ["/data?table=x", "/functions?tab=Code", "/live/pulse", "/schedules/functions", "/settings"]) expect(spans(path)).toBeNull();
  });

  test("one with ends of its own is itself where a page can show it, and elsewhere what reaches back as far", () => {
    const own = "2026-11-20T08:00Z..2026-11-21T09:30Z";
    const now = Date.parse("2026-11-22T10:00Z");
    const shown = (path: string, wanted: string) => rangeFor(spans(path)!, wanted, now);
    for (const path of ["/history", "/logs", "/logs?view=kept"]) expect(shown(path, own).id).toBe(own);
    expect(momentsOf(shown("/history", own), now)).toEqual({ from: Date.parse("2026-11-20T08:00Z"), to: Date.parse("2026-11-21T09:30Z") });
    expect(momentsOf(shown("/history", "2026-11-20T08:00Z.."), now)).toEqual({ from: Date.parse("2026-11-20T08:00Z"), to: null });
    expect(momentsOf(shown("/history", "..2026-11-20T08:00Z"), now)).toEqual({ from: 0, to: Date.parse("2026-11-20T08:00Z") });
    expect(momentsOf(shown("/history", "24h"), now)).toEqual({ from: now - 86_400_000, to: null });
    expect(momentsOf(shown("/history", "all"), now)).toEqual({ from: 0, to: null });
    expect(shown("/", own).id).toBe("7d");
    expect(shown("/", "2026-11-22T09:58Z..2026-11-22T09:59Z").id).toBe("5m");
    expect(shown("/schedules/crons", "..2026-11-20T08:00Z").id).toBe("all");
  });
});
