// A range of time that says itself where it begins and ends, as an address has it:
// `2026-11-20T08:00Z..2026-11-21T09:30Z`. Times are UTC, so that a link shows everybody the same.

import { dateTime } from "./format";

/** Ms since the epoch; null is as far back as there is, or until now. Never both. */
export interface Ends {
  from: number | null;
  to: number | null;
}

/** So much of a text is its year, its minutes, its time of day. */
const YEAR = "2026-".length;
const MINUTES = "2026-11-20T08:00".length;
const OF_DAY = "08:00".length;
const MOMENT = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z)?`;
const ENDS = new RegExp(`^${MOMENT}\\.\\.${MOMENT}$`);

const moment = (ms: number | null) => (ms === null ? "" : `${new Date(ms).toISOString().slice(0, MINUTES)}Z`);

export const endsText = ({ from, to }: Ends): string => `${moment(from)}..${moment(to)}`;

/** Why these are no range, in words; null if they are one. */
export function endsProblem({ from, to }: Ends): string | null {
  if (from === null && to === null) return "Say where it begins, where it ends, or both.";
  if (from !== null && to !== null && from >= to) return "It has to begin before it ends.";
  return null;
}

/** What an address says; null where it says no such range. */
export function parseEnds(text: string): Ends | null {
  const found = ENDS.exec(text);
  if (!found) return null;
  const [from = null, to = null] = found.slice(1).map((part) => (part === undefined ? null : Date.parse(part)));
  const ends = { from, to };
  return Number.isNaN(from) || Number.isNaN(to) || endsProblem(ends) ? null : ends;
}

/** In words, in the time of this place; the year only if it is another than this one. */
export function endsLabel({ from, to }: Ends, now = Date.now()): string {
  const [thisYear, whole] = [new Date(now).getFullYear(), [from, to].filter((ms) => ms !== null)];
  const start = whole.every((ms) => new Date(ms).getFullYear() === thisYear) ? YEAR : 0;
  const say = (ms: number) => dateTime(ms).slice(start, MINUTES);
  if (from === null) return `until ${say(to!)}`;
  if (to === null) return `since ${say(from)}`;
  const sameDay = new Date(from).toDateString() === new Date(to).toDateString();
  return `${say(from)} – ${sameDay ? say(to).slice(-OF_DAY) : say(to)}`;
}

/** As a field for a date and a time has it: in the time of this place, empty for none. */
export const fieldText = (ms: number | null): string => (ms === null ? "" : dateTime(ms).slice(0, MINUTES).replace(" ", "T"));

export const ofField = (text: string): number | null => (text === "" ? null : new Date(text).getTime());
