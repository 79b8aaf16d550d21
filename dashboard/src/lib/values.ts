// Convex values as text and back: what is typed into a cell or an editor is a JavaScript literal,
// with `5n` for int64 and `Bytes("base64")` for bytes.

import { parseExpressionAt, type Expression, type Options } from "acorn";
import type { Value } from "convex/values";

const OPTIONS: Options = { ecmaVersion: 2022 };
const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;

export class ValueError extends Error {}

export function bytesToText(bytes: ArrayBuffer): string {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
}

function textToBytes(text: string): ArrayBuffer {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  } catch {
    throw new ValueError("Bytes(…) takes base64 text");
  }
}

/** A field's name as it stands in an object. */
export const keyText = (key: string) => (PLAIN_KEY.test(key) ? key : JSON.stringify(key));

/** On one line, or with an `indent` on several. */
export function formatValue(value: Value | undefined, indent = 0, depth = 0): string {
  if (value === undefined) return "undefined";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (value instanceof ArrayBuffer) return `Bytes("${bytesToText(value)}")`;
  const array = Array.isArray(value);
  const parts = array
    ? value.map((item) => formatValue(item, indent, depth + 1))
    : Object.entries(value).map(
        ([key, item]) =>
          `${keyText(key)}: ${formatValue(item as Value, indent, depth + 1)}`,
      );
  const [open, close] = array ? ["[", "]"] : ["{", "}"];
  if (parts.length === 0) return open + close;
  if (indent === 0) return array ? `[${parts.join(", ")}]` : `{ ${parts.join(", ")} }`;
  const pad = " ".repeat(indent * (depth + 1));
  return `${open}\n${parts.map((part) => pad + part).join(",\n")}\n${" ".repeat(indent * depth)}${close}`;
}

/** The value of a literal; a `ValueError` says what is not one, and where. */
export function parseValue(text: string): Value {
  const source = text.trim();
  if (!source) throw new ValueError("Type a value: a number, a string in quotes, true, null, [ … ] or { … }");
  let tree: Expression;
  try {
    tree = parseExpressionAt(`(${source}\n)`, 0, OPTIONS);
  } catch (error) {
    throw new ValueError(syntaxProblem(source, error));
  }
  // The parentheses around the text end the expression; more behind them is a second one.
  if (tree.end < source.length + 1) {
    const rest = `(${source}\n)`.slice(tree.end).replace(/^[\s)]+$/, "");
    if (rest) throw new ValueError(`Unexpected text after the value: ${rest.trim().slice(0, 20)}`);
  }
  return toValue(tree, "");
}

function syntaxProblem(source: string, error: unknown): string {
  if (/^[\w\s@.-]+$/.test(source)) return `Not a value: strings need quotes ("${source}")`;
  const message = error instanceof Error ? error.message.replace(/ \(\d+:\d+\)$/, "") : "not a value";
  const position = (error as { pos?: number }).pos ?? 0;
  const before = source.slice(Math.max(0, position - 12), Math.max(0, position - 1));
  return before ? `${message} after “${before}”` : message;
}

const NAMED: Record<string, Value> = { NaN: NaN, Infinity: Infinity };

function toValue(node: Expression | null | { type: string }, where: string): Value {
  const at = where ? ` at ${where}` : "";
  if (!node) throw new ValueError(`A list cannot have holes${at}`);
  const expression = node as Expression;
  switch (expression.type) {
    case "Literal":
      if (expression.bigint) return BigInt(expression.bigint);
      if (expression.regex) throw new ValueError(`A regular expression is not a Convex value${at}`);
      return expression.value as Value;
    case "TemplateLiteral":
      if (expression.expressions.length) throw new ValueError(`Templates cannot have expressions${at}`);
      return expression.quasis[0]!.value.cooked ?? "";
    case "Identifier":
      if (expression.name in NAMED) return NAMED[expression.name]!;
      if (expression.name === "undefined") throw new ValueError(`undefined is not a Convex value${at}`);
      throw new ValueError(`Not a value${at}: strings need quotes ("${expression.name}")`);
    case "UnaryExpression":
      return negative(expression.operator, toValue(expression.argument, where), at);
    case "ArrayExpression":
      return expression.elements.map((item, index) => toValue(item, `${where}[${index}]`));
    case "ObjectExpression":
      return objectValue(expression, where);
    case "ParenthesizedExpression":
      return toValue(expression.expression, where);
    case "CallExpression": {
      const [argument] = expression.arguments;
      if (expression.callee.type === "Identifier" && expression.callee.name === "Bytes" && argument) {
        const text = toValue(argument, where);
        if (typeof text === "string") return textToBytes(text);
      }
      throw new ValueError(`Only Bytes("base64") may be called${at}`);
    }
    default:
      throw new ValueError(`Only literal values can be typed here${at}`);
  }
}

function negative(operator: string, value: Value, at: string): Value {
  if (typeof value === "number" && (operator === "-" || operator === "+")) return operator === "-" ? -value : value;
  if (typeof value === "bigint" && operator === "-") return -value;
  throw new ValueError(`Only literal values can be typed here${at}`);
}

function objectValue(node: Extract<Expression, { type: "ObjectExpression" }>, where: string): Value {
  const result: Record<string, Value> = {};
  for (const property of node.properties) {
    if (property.type !== "Property" || property.computed || property.kind !== "init") {
      throw new ValueError("Objects have plain fields only");
    }
    const { key } = property;
    const name = key.type === "Identifier" ? key.name : key.type === "Literal" ? String(key.value) : "";
    // A field named __proto__ must not reach the prototype.
    Object.defineProperty(result, name, {
      value: toValue(property.value as Expression, where ? `${where}.${name}` : name),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}

/** A value that is an object with fields; null for every other. */
export function asFields(value: Value): Record<string, Value> | null {
  const plain = value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof ArrayBuffer);
  return plain ? (value as Record<string, Value>) : null;
}

export type TypeName = "string" | "boolean" | "number" | "bigint" | "null" | "array" | "object" | "bytes" | "unset";

export function typeName(value: Value | undefined): TypeName {
  if (value === undefined) return "unset";
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof ArrayBuffer) return "bytes";
  return typeof value as TypeName;
}
