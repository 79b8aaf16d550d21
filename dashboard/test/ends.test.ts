// Ranges of time that say where they begin and end: in addresses, in fields, in words.

import { describe, expect, test } from "vitest";
import { endsLabel, endsProblem, endsText, fieldText, ofField, parseEnds } from "../src/lib/ends";

const at = (text: string) => new Date(text).getTime();

describe("ends of a range", () => {
  test("an address says them, and what it says is read again", () => {
    for (const text of ["2026-11-20T08:00Z..2026-11-21T09:30Z", "2026-11-20T08:00Z..", "..2026-11-21T09:30Z"]) expect(endsText(parseEnds(text)!)).toBe(text);
    expect(parseEnds("2026-11-20T08:00:30Z..")).toEqual({ from: at("2026-11-20T08:00:30Z"), to: null });
  });

  test("what is none is none", () => {
    const none = ["", "..", "24h", "2026-11-20..2026-11-21", "2026-13-40T08:00Z..", "2026-11-21T09:30Z..2026-11-20T08:00Z", "2026-11-20T08:00Z..2026-11-20T08:00Z"];
    for (const text of none) expect(parseEnds(text)).toBeNull();
    expect(endsProblem({ from: null, to: null })).toMatch(/begins/);
    expect(endsProblem({ from: 2, to: 1 })).toMatch(/before/);
    expect(endsProblem({ from: 1, to: null })).toBeNull();
  });

  test("fields and words have the time of this place", () => {
    const [from, to] = [at("2026-11-20T08:00"), at("2026-11-21T09:30")];
    expect(fieldText(from)).toBe("2026-11-20T08:00");
    expect(ofField(fieldText(from))).toBe(from);
    expect([fieldText(null), ofField("")]).toEqual(["", null]);
    expect(endsLabel({ from, to }, to)).toBe("11-20 08:00 – 11-21 09:30");
    expect(endsLabel({ from, to: at("2026-11-20T09:30") }, to)).toBe("11-20 08:00 – 09:30");
    expect(endsLabel({ from, to: null }, to)).toBe("since 11-20 08:00");
    expect(endsLabel({ from: null, to }, to)).toBe("until 11-21 09:30");
    expect(endsLabel({ from, to: null }, at("2027-01-01T00:00"))).toBe("since 2026-11-20 08:00");
  });
});
