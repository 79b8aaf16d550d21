// Between what is stored and what a person reads and types.

const money = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR" });
const count = new Intl.NumberFormat("en-IE");
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** 350 → "€3.50" */
export function formatCents(cents: number) {
  return money.format(cents / 100);
}

/** 12345 → "12,345" */
export function formatCount(value: number) {
  return count.format(value);
}

/** "just now", "5 min. ago", "yesterday"; `then` and `now` in milliseconds since the epoch. */
export function formatAge(then: number, now: number) {
  const minutes = Math.round((now - then) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return relative.format(-minutes, "minute");
  const hours = Math.round(minutes / 60);
  if (hours < 24) return relative.format(-hours, "hour");
  return relative.format(-Math.round(hours / 24), "day");
}

/** 350 → "3.50", as it stands in the form. */
export function centsToText(cents: number) {
  return (cents / 100).toFixed(2);
}

/** "3.5" or "3,50" → 350; null for what is no amount. */
export function textToCents(text: string) {
  const match = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text.trim());
  if (match === null) return null;
  return Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

/** "12" → 12; null for what is no whole number. */
export function textToCount(text: string) {
  return /^\d{1,7}$/.test(text.trim()) ? Number(text) : null;
}
