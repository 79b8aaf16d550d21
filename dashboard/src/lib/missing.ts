// Which index would spare a search the look at every document: of the fields that equal something,
// and one behind them that is above or below something.

import type { Filters } from "./filters";

/** What a search asks of fields, all of it at once. */
export interface Sought {
  /** Whether the search says what it looks for; JavaScript that does cannot be seen. */
  filtered: boolean;
  equal: string[];
  range: string | null;
}

export interface KnownIndex {
  name: string;
  fields: string[];
}

export type Remedy =
  /** The search was made in JavaScript. */
  | { kind: "unknown" }
  /** It asks for nothing that an index finds. */
  | { kind: "none" }
  /** There is one already. */
  | { kind: "there"; index: string; fields: string[] }
  /** The line for `convex/schema.ts`. */
  | { kind: "missing"; fields: string[]; line: string };

const CREATED = "_creationTime";
const NAME_MAX = 64;

const withoutCreated = (fields: string[]) => fields.filter((field) => field !== CREATED);

/** Whether an index begins with the fields that are asked for, those that equal something in any order. */
function serves(index: KnownIndex, equal: string[], range: string | null): boolean {
  const own = withoutCreated(index.fields);
  const first = own.slice(0, equal.length);
  if (first.length < equal.length || !equal.every((field) => first.includes(field))) return false;
  if (range === null) return true;
  return range === CREATED ? own.length === equal.length : own[equal.length] === range;
}

function nameFor(fields: string[], indexes: KnownIndex[]): string {
  const words = fields.map((field) => field.replace(/[^A-Za-z0-9]+/g, "_"));
  const name = `by_${words.join("_")}`.slice(0, NAME_MAX - 3);
  const taken = new Set(indexes.map((index) => index.name));
  for (let number = 1; ; number++) {
    const tried = number === 1 ? name : `${name}_${number}`;
    if (!taken.has(tried)) return tried;
  }
}

/** The line that declares an index. */
export const indexLine = (name: string, fields: string[]) => `.index(${JSON.stringify(name)}, [${fields.map((field) => JSON.stringify(field)).join(", ")}])`;

export function remedyFor(sought: Sought, indexes: KnownIndex[]): Remedy {
  if (!sought.filtered) return { kind: "unknown" };
  const equal = withoutCreated(sought.equal);
  // Every index ends with the time of creation.
  const range = sought.range ?? (sought.equal.includes(CREATED) ? CREATED : null);
  const fields = [...equal, ...(range && range !== CREATED ? [range] : [])];
  if (fields.length === 0) return range === CREATED ? { kind: "there", index: "by_creation_time", fields: [CREATED] } : { kind: "none" };
  const there = indexes.find((index) => serves(index, equal, range));
  if (there) return { kind: "there", index: there.name, fields: withoutCreated(there.fields) };
  return { kind: "missing", fields, line: indexLine(nameFor(fields, indexes), fields) };
}

/** What the clauses of the data page ask for. */
export function soughtBy(filters: Filters): Sought {
  const sought: Sought = { filtered: false, equal: [], range: null };
  for (const { enabled, field, op } of filters.clauses) {
    if (!enabled || field === "" || field === "_id") continue;
    sought.filtered = true;
    if (op === "eq" && !sought.equal.includes(field)) sought.equal.push(field);
    if (op === "gt" || op === "gte" || op === "lt" || op === "lte") sought.range ??= field;
  }
  if (sought.range && sought.equal.includes(sought.range)) sought.range = null;
  return sought;
}
