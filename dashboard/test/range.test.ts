// Which spans of time a page has, and what becomes of one that was chosen elsewhere.

import { describe, expect, test } from "vitest";
import { rangeFor, spansOf } from "../src/lib/range";

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
  });

  test("pages about now have none", () => {
    for (const path of ["/data?table=x", "/logs", "/functions?tab=Code", "/live/pulse", "/schedules/functions", "/settings"]) expect(spans(path)).toBeNull();
  });
});
