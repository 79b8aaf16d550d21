// Arguments while they are filled in: a value in which a part may be text that is not one yet, what
// is wrong with it by the function's validators, and the same as text. A form and a text field show
// one draft.

import { jsonToConvex, type JSONValue, type Value } from "convex/values";
import { typeText, type Field, type Validator } from "./schema";
import { asFields, formatValue, keyText, parseValue } from "./values";

/** What was typed where a value belongs, and why it is none. */
export class Unparsed {
  constructor(
    readonly text: string,
    readonly message: string,
  ) {}
}

/** A record being edited: two of its keys may be the same for as long as one of them is typed. */
export class Entries {
  constructor(readonly rows: readonly (readonly [string, Draft])[]) {}
}

export type Draft = Value | Unparsed | Entries | Draft[] | { [name: string]: Draft };

export interface Issue {
  /** `author.tags[2]`; empty for the arguments as a whole. */
  path: string;
  message: string;
}

/** The table of an id: null if it is none, undefined if that is not known. */
export type TableOf = (id: string) => string | null | undefined;

const LONG = 2n ** 63n;
/** A draft that fits on a line stands on one. */
const LINE = 60;

export const fieldPath = (path: string, name: string) => (path ? `${path}.${name}` : name);
export const itemPath = (path: string, index: number) => `${path}[${index}]`;

/** Literals of int64 are written as the wire writes them. */
export function literalOf(type: Extract<Validator, { type: "literal" }>): Value {
  return jsonToConvex(type.value as JSONValue);
}

/** The fields of a draft that is an object; null for all others. */
export function fieldsOfDraft(draft: Draft | undefined): Record<string, Draft> | null {
  if (draft === undefined || draft instanceof Unparsed || draft instanceof Entries) return null;
  return asFields(draft as Value) as Record<string, Draft> | null;
}

/** The rows of a draft that is a record or an object. */
export function rowsOf(draft: Draft | undefined): readonly (readonly [string, Draft])[] | null {
  if (draft instanceof Entries) return draft.rows;
  const fields = fieldsOfDraft(draft);
  return fields && Object.entries(fields);
}

/** A value to begin with: the least that the validator takes, where there is such. */
export function starting(type: Validator): Draft {
  switch (type.type) {
    case "string":
    case "id":
      return "";
    case "number":
      return 0;
    case "bigint":
      return 0n;
    case "boolean":
      return false;
    case "null":
      return null;
    case "bytes":
      return new ArrayBuffer(0);
    case "array":
      return [];
    case "literal":
      return literalOf(type);
    case "union":
      return type.value[0] ? starting(type.value[0]) : null;
    case "object":
      return startingFields(type.value);
    default:
      return {};
  }
}

function startingFields(fields: Record<string, Field>): Record<string, Draft> {
  const required = Object.entries(fields).filter(([, field]) => !field.optional);
  return Object.fromEntries(required.map(([name, field]) => [name, starting(field.fieldType)]));
}

/** What is wrong with a draft, part by part, in the order in which a form shows them. */
export function issuesOf(type: Validator, draft: Draft | undefined, tableOf: TableOf = () => undefined, path = ""): Issue[] {
  const wrong = (message: string): Issue[] => [{ path, message }];
  if (draft === undefined) return wrong(`Missing: ${typeText(type)}`);
  if (draft instanceof Unparsed) return wrong(draft.message);
  switch (type.type) {
    case "object":
      return objectIssues(type.value, draft, tableOf, path) ?? wrong(`Must be an object: ${typeText(type)}`);
    case "record":
      return recordIssues(type, draft, tableOf, path) ?? wrong("Must be an object of keys and values");
    case "array":
      if (!Array.isArray(draft)) return wrong(`Must be a list: ${typeText(type)}`);
      return draft.flatMap((item, index) => issuesOf(type.value, item, tableOf, itemPath(path, index)));
    case "union":
      return unionIssues(type, draft, tableOf, path);
    case "id":
      return idProblem(type.tableName, draft, tableOf).map((message) => ({ path, message }));
    case "any":
      return innerIssues(draft, path);
    default:
      return isPlain(type, draft) ? [] : wrong(`Must be ${typeText(type)}`);
  }
}

function isPlain(type: Validator, draft: Draft): boolean {
  switch (type.type) {
    case "literal":
      return formatValue(literalOf(type)) === formatDraft(draft);
    case "bigint":
      return typeof draft === "bigint" && draft >= -LONG && draft < LONG;
    case "null":
      return draft === null;
    case "bytes":
      return draft instanceof ArrayBuffer;
    case "number":
    case "string":
    case "boolean":
      return typeof draft === type.type;
    default:
      // A kind this dashboard does not know is the server's to judge.
      return true;
  }
}

function idProblem(table: string, draft: Draft, tableOf: TableOf): string[] {
  if (typeof draft !== "string") return [`Must be the id of a document of ${table}`];
  if (draft === "") return [`Choose or paste the id of a document of ${table}`];
  const found = tableOf(draft);
  if (found === undefined || found === table) return [];
  return [found === null ? "This is not the id of a document" : `This is the id of a document of ${found}, not of ${table}`];
}

function objectIssues(fields: Record<string, Field>, draft: Draft, tableOf: TableOf, path: string): Issue[] | null {
  const given = fieldsOfDraft(draft);
  if (!given) return null;
  const own = Object.entries(fields).flatMap(([name, field]) =>
    field.optional && given[name] === undefined ? [] : issuesOf(field.fieldType, given[name], tableOf, fieldPath(path, name)),
  );
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(fields, name));
  return [...own, ...unknown.map((name) => ({ path: fieldPath(path, name), message: "There is no argument of this name" }))];
}

const KEY = /^[\x20-\x7e]+$/;

function keyProblem(key: string, type: Validator): string | null {
  if (key === "") return "A key cannot be empty";
  if (!KEY.test(key) || key.startsWith("$") || key.startsWith("_")) return "A key is ASCII text that does not begin with $ or _";
  return issuesOf(type, key)[0]?.message ?? null;
}

function recordIssues(type: Extract<Validator, { type: "record" }>, draft: Draft, tableOf: TableOf, path: string): Issue[] | null {
  const rows = rowsOf(draft);
  if (!rows) return null;
  const seen = new Set<string>();
  return rows.flatMap(([key, value], index) => {
    const at = itemPath(path, index);
    const problem = seen.has(key) ? `“${key}” is there already` : keyProblem(key, type.keys);
    seen.add(key);
    const inner = issuesOf(type.values.fieldType, value, tableOf, `${at}.value`);
    return problem ? [{ path: `${at}.key`, message: problem }, ...inner] : inner;
  });
}

function unionIssues(type: Extract<Validator, { type: "union" }>, draft: Draft, tableOf: TableOf, path: string): Issue[] {
  if (type.value.length === 0) return [{ path, message: "Nothing is taken here" }];
  const issues = issuesOf(type.value[bestVariant(type.value, draft, tableOf)]!, draft, tableOf, path);
  const misfit = type.value.length > 1 && issues.some((issue) => issue.path === path);
  return misfit ? [{ path, message: `Must be ${typeText(type)}` }] : issues;
}

/** The variant that comes nearest: of the same kind if there is one, with the fewest problems. */
export function bestVariant(variants: Validator[], draft: Draft | undefined, tableOf: TableOf = () => undefined): number {
  const score = (type: Validator) => {
    const issues = issuesOf(type, draft, tableOf, "");
    const misfit = issues.some(({ path }) => path === "") ? 1000 : 0;
    // Of two objects the one whose literals are right is meant.
    const wrongLiterals = type.type === "object" ? literalMisses(type.value, draft) : 0;
    return issues.length + misfit + 100 * wrongLiterals;
  };
  const scores = variants.map(score);
  return Math.max(0, scores.indexOf(Math.min(...scores)));
}

function literalMisses(fields: Record<string, Field>, draft: Draft | undefined): number {
  const given = fieldsOfDraft(draft) ?? {};
  return Object.entries(fields).filter(([name, { fieldType }]) => fieldType.type === "literal" && issuesOf(fieldType, given[name]).length > 0).length;
}

/** Where anything goes, only text that is no value is wrong. */
function innerIssues(draft: Draft, path: string): Issue[] {
  if (draft instanceof Unparsed) return [{ path, message: draft.message }];
  if (Array.isArray(draft)) return draft.flatMap((item, index) => innerIssues(item as Draft, itemPath(path, index)));
  return (rowsOf(draft) ?? []).flatMap(([name, value]) => innerIssues(value, fieldPath(path, name)));
}

/** As it is typed: what is not a value yet stands there as it is. */
export function formatDraft(draft: Draft, indent = 0, depth = 0): string {
  if (draft instanceof Unparsed) return draft.text;
  const rows = rowsOf(draft);
  const list = Array.isArray(draft) ? (draft as Draft[]) : null;
  if (!rows && !list) return formatValue(draft as Value);
  const inner = (value: Draft) => formatDraft(value, indent, depth + 1);
  const parts = list ? list.map(inner) : rows!.map(([name, value]) => `${keyText(name)}: ${inner(value)}`);
  const [open, close] = list ? ["[", "]"] : ["{", "}"];
  if (parts.length === 0) return list ? "[]" : "{ }";
  if (indent === 0) return list ? `[${parts.join(", ")}]` : `{ ${parts.join(", ")} }`;
  const pad = " ".repeat(indent * (depth + 1));
  return `${open}\n${parts.map((part) => pad + part).join(",\n")}\n${" ".repeat(indent * depth)}${close}`;
}

/** On one line if it is short, on several if not. */
export function draftText(draft: Draft): string {
  const line = formatDraft(draft);
  return line.length <= LINE && !line.includes("\n") ? line : formatDraft(draft, 2);
}

/** What is typed into a field of its own: a value of the wanted kind, or what is wrong. */
export function typed(text: string, kind: "number" | "bigint" | "any"): Draft {
  const source = text.trim();
  if (kind === "bigint") {
    const digits = /^([+-]?)(\d+)n?$/.exec(source);
    if (!digits) return new Unparsed(text, "Must be a whole number (int64)");
    const value = BigInt(digits[2]!) * (digits[1] === "-" ? -1n : 1n);
    return value >= -LONG && value < LONG ? value : new Unparsed(`${value}n`, "Must be between -2^63 and 2^63 - 1");
  }
  let value: Value;
  try {
    value = parseValue(source);
  } catch (error) {
    return new Unparsed(text, kind === "number" ? "Must be a number" : (error as Error).message);
  }
  if (kind === "number" && typeof value !== "number") return new Unparsed(text, "Must be a number");
  return value;
}

/** The value of a draft without problems. */
export function settled(draft: Draft): Value {
  if (draft instanceof Unparsed) throw new Error(draft.message);
  if (Array.isArray(draft)) return (draft as Draft[]).map(settled);
  const rows = rowsOf(draft);
  if (!rows) return draft as Value;
  const result: Record<string, Value> = {};
  for (const [name, value] of rows) {
    // A field named __proto__ must not reach the prototype.
    Object.defineProperty(result, name, { value: settled(value), enumerable: true, configurable: true, writable: true });
  }
  return result;
}

/** The fields of an object with one of them changed, or taken away; in the order of the validator. */
export function withField(fields: Record<string, Field>, draft: Draft, name: string, next: Draft | undefined): Record<string, Draft> {
  const given = { ...fieldsOfDraft(draft) };
  if (next === undefined) delete given[name];
  else given[name] = next;
  const order = [...Object.keys(fields), ...Object.keys(given)];
  return Object.fromEntries([...new Set(order)].filter((key) => given[key] !== undefined).map((key) => [key, given[key]!]));
}
