// Validators of every kind, each as the arguments of one function and the result of another.

export const SHAPES = {
  nothing: "v.null()",
  number: "v.number()",
  int64: "v.int64()",
  boolean: "v.boolean()",
  string: "v.string()",
  bytes: "v.bytes()",
  anything: "v.any()",
  text: 'v.literal("a")',
  one: "v.literal(1)",
  yes: "v.literal(true)",
  numbers: "v.array(v.number())",
  lists: "v.array(v.array(v.number()))",
  object: "v.object({ a: v.number() })",
  loose: "v.object({ a: v.optional(v.string()), b: v.optional(v.any()) })",
  empty: "v.object({})",
  either: "v.union(v.string(), v.null(), v.int64())",
  tagged: 'v.union(v.object({ kind: v.literal("a"), x: v.number() }), v.object({ kind: v.literal("b"), x: v.string() }))',
  other: 'v.id("others")',
  maybe: "v.optional(v.number())",
};

/** Of which convex-test takes everything, and nothing. */
const UNCHECKED = { record: "v.record(v.string(), v.number())", seven: "v.literal(7n)" };

/** The module. */
export function shapes() {
  const functions = Object.entries({ ...SHAPES, ...UNCHECKED }).map(([name, validator]) => {
    const result = validator.startsWith("v.optional(") ? `v.union(v.null(), ${validator.slice("v.optional(".length, -1)})` : validator;
    return `
export const ${name}_takes = query({ args: { x: ${validator} }, handler: async (_ctx, { x }) => x });
export const ${name}_gives = query({ args: { x: v.optional(v.any()) }, returns: ${result}, handler: async (_ctx, { x }) => x });`;
  });
  return `import { queryGeneric as query } from "convex/server";\nimport { v } from "convex/values";\n${functions.join("")}\n`;
}
