// Numbers, sizes and times as people read them.

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en");

export const count = (value: number) => whole.format(value);
export const short = (value: number) => (Math.abs(value) < 1 ? String(Math.round(value * 1000) / 1000) : Math.abs(value) < 10_000 ? whole.format(Math.round(value * 10) / 10) : compact.format(value));

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let size = value / 1000;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms === 0) return "0 ms";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const parts: [number, string][] = [
    [Math.floor(ms / 86_400_000), "d"],
    [Math.floor(ms / 3_600_000) % 24, "h"],
    [Math.floor(ms / 60_000) % 60, "min"],
    [Math.round(ms / 1000) % 60, "s"],
  ];
  const shown = parts.filter(([value]) => value > 0).slice(0, 2);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(" ");
}

export const percent = (share: number) =>
  Number.isFinite(share) ? `${share * 100 < 10 ? (share * 100).toFixed(1) : Math.round(share * 100)} %` : "–";

const two = (value: number) => String(value).padStart(2, "0");

export function dateTime(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(ms)}`;
}

export function clock(ms: number, milliseconds = false): string {
  const date = new Date(ms);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return milliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** The time of today, and of other days the day as well. */
export const when = (ms: number, now = Date.now()) => (new Date(ms).toDateString() === new Date(now).toDateString() ? clock(ms) : dateTime(ms));

export function ago(ms: number, now = Date.now()): string {
  const seconds = Math.round((now - ms) / 1000);
  const future = seconds < 0;
  const size = Math.abs(seconds);
  const steps: [number, number, string][] = [
    [60, 1, "s"],
    [3600, 60, "min"],
    [86_400, 3600, "h"],
    [Infinity, 86_400, "d"],
  ];
  const [, unit, name] = steps.find(([limit]) => size < limit)!;
  const text = `${Math.floor(size / unit)} ${name}`;
  if (size < 2) return "now";
  return future ? `in ${text}` : `${text} ago`;
}

/** Timestamps come as ms, or (where the store's own are shown) as nanoseconds. */
export function toMs(value: number | bigint | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  const number = Number(value);
  return number > 1e15 ? number / 1e6 : number;
}
