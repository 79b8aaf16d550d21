// What is looked for in a table: clauses, order and index, as the server takes them (base64 of
// JSON) and as the URL carries them.

import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import type { IndexInfo } from "./system";

export const OPERATORS = {
  eq: "=",
  neq: "≠",
  gt: ">",
  gte: "≥",
  lt: "<",
  lte: "≤",
  anyOf: "any of",
  noneOf: "none of",
  type: "is type",
  notype: "is not type",
} as const;

export type Operator = keyof typeof OPERATORS;

export const TYPES = ["string", "boolean", "number", "bigint", "null", "id", "array", "object", "bytes", "unset"] as const;

export interface Clause {
  id: string;
  enabled: boolean;
  field: string;
  op: Operator;
  value: Value;
}

export interface IndexEq {
  type: "indexEq";
  enabled: boolean;
  value: Value;
}

export interface IndexRange {
  type: "indexRange";
  enabled: boolean;
  lowerOp?: "gt" | "gte";
  lowerValue?: Value;
  upperOp?: "lt" | "lte";
  upperValue?: Value;
}

export type IndexChoice =
  | { name: string; clauses: (IndexEq | IndexRange)[] }
  | { name: string; search: string; clauses: { field: string; enabled: boolean; value: Value }[] };

export interface Filters {
  clauses: Clause[];
  order: "asc" | "desc";
  index?: IndexChoice;
}

export const NO_FILTERS: Filters = { clauses: [], order: "desc" };

export const isSearch = (index: IndexChoice): index is Extract<IndexChoice, { search: string }> => "search" in index;

/** Types are named by text; lists, and everything else, are values. */
function clauseToJson(clause: Clause): JSONValue {
  return { ...clause, value: convexToJson(clause.value) };
}

function indexToJson(index: IndexChoice): JSONValue {
  if (isSearch(index)) {
    return { ...index, clauses: index.clauses.map((clause) => ({ ...clause, value: convexToJson(clause.value) })) };
  }
  const clauses = index.clauses.map((clause): JSONValue => {
    if (clause.type === "indexEq") return { ...clause, value: convexToJson(clause.value) };
    const { lowerValue, upperValue, ...rest } = clause;
    return {
      ...rest,
      ...(lowerValue === undefined ? {} : { lowerValue: convexToJson(lowerValue) }),
      ...(upperValue === undefined ? {} : { upperValue: convexToJson(upperValue) }),
    } as JSONValue;
  });
  return { name: index.name, clauses };
}

export function isPlain(filters: Filters): boolean {
  return filters.clauses.length === 0 && filters.order === "desc" && !filters.index;
}

/** Base64 of UTF-8 JSON; null when nothing is asked for. */
export function encodeFilters(filters: Filters): string | null {
  if (isPlain(filters)) return null;
  const json = JSON.stringify({
    clauses: filters.clauses.map(clauseToJson),
    order: filters.order,
    ...(filters.index ? { index: indexToJson(filters.index) } : {}),
  });
  return btoa(String.fromCharCode(...new TextEncoder().encode(json)));
}

type Json = Record<string, JSONValue>;

function valueFromJson(json: JSONValue | undefined): Value {
  return json === undefined ? null : jsonToConvex(json);
}

function indexFromJson(json: Json): IndexChoice {
  const name = String(json.name);
  const clauses = (json.clauses as Json[] | undefined) ?? [];
  if (typeof json.search === "string") {
    return {
      name,
      search: json.search,
      clauses: clauses.map(({ field, enabled, value }) => ({
        field: String(field),
        enabled: enabled !== false,
        value: valueFromJson(value),
      })),
    };
  }
  return {
    name,
    clauses: clauses.map((clause): IndexEq | IndexRange => {
      const enabled = clause.enabled !== false;
      if (clause.type === "indexEq") return { type: "indexEq", enabled, value: valueFromJson(clause.value) };
      const range: IndexRange = { type: "indexRange", enabled };
      if (clause.lowerOp) Object.assign(range, { lowerOp: clause.lowerOp, lowerValue: valueFromJson(clause.lowerValue) });
      if (clause.upperOp) Object.assign(range, { upperOp: clause.upperOp, upperValue: valueFromJson(clause.upperValue) });
      return range;
    }),
  };
}

/** What a URL carries; anything that is not a filter counts as none. */
export function decodeFilters(text: string | null): Filters {
  if (!text) return NO_FILTERS;
  try {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const json = JSON.parse(new TextDecoder().decode(bytes)) as Json;
    const clauses = ((json.clauses as Json[] | undefined) ?? []).map(
      (clause, index): Clause => ({
        id: String(clause.id ?? index),
        enabled: clause.enabled !== false,
        field: String(clause.field ?? ""),
        op: (String(clause.op) in OPERATORS ? String(clause.op) : "eq") as Operator,
        value: valueFromJson(clause.value),
      }),
    );
    const order = json.order === "asc" ? "asc" : "desc";
    return { clauses, order, ...(json.index ? { index: indexFromJson(json.index as Json) } : {}) };
  } catch {
    return NO_FILTERS;
  }
}

/** What an index is made of, as text and as the fields that can be asked for in order. */
export function indexFields(index: IndexInfo): string[] {
  if (Array.isArray(index.fields)) return index.fields.filter((field) => field !== "_creationTime");
  if ("searchField" in index.fields) return index.fields.filterFields;
  return [];
}

/** The index a request will use, as the badge says it; null for a full scan. */
export function usedIndex(filters: Filters): string | null {
  const { index } = filters;
  if (!index) return null;
  if (isSearch(index)) return index.search ? index.name : null;
  return index.name;
}

let serial = 0;
export function newClause(field: string, op: Operator = "eq", value: Value = ""): Clause {
  serial += 1;
  return { id: `${Date.now().toString(36)}${serial}`, enabled: true, field, op, value };
}
