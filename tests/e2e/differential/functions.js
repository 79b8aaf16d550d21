// Functions whose steps are their arguments, for ../differential.test.mjs: the same file runs in a
// Lentil deployment and in convex-test. Documents are named by labels ("@a"), because ids differ.
import {
  anyApi, internalMutationGeneric as internalMutation, internalQueryGeneric as internalQuery,
  mutationGeneric as mutation, queryGeneric as query,
} from "convex/server";
import { ConvexError, convexToJson, jsonToConvex, v } from "convex/values";

/** Stands in arguments for undefined, which cannot be one. */
const ABSENT = "#absent";

/** Labels become ids; "#absent" becomes undefined. */
function real(value, ids) {
  if (typeof value === "string") return value === ABSENT ? undefined : value.startsWith("@") ? (ids[value.slice(1)] ?? value) : value;
  if (Array.isArray(value)) return value.map((one) => real(one, ids));
  if (value === null || typeof value !== "object" || value instanceof ArrayBuffer) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, real(one, ids)]));
}

function expression(q, [op, ...rest]) {
  if (op === "field") return q.field(rest[0]);
  if (op === "value") return rest[0];
  return q[op](...rest.map((one) => expression(q, one)));
}

function found(ctx, { table, index, bounds = [], order, filters = [] }) {
  let rows = ctx.db.query(table);
  if (index) rows = rows.withIndex(index, (q) => bounds.reduce((range, [op, field, value]) => range[op](field, value), q));
  if (order) rows = rows.order(order);
  for (const filter of filters) rows = rows.filter((q) => expression(q, filter));
  return rows;
}

async function ended(rows, [how, count]) {
  if (how !== "break") return await rows[how](count);
  const seen = [];
  for await (const row of rows) {
    seen.push(row);
    if (seen.length >= count) break;
  }
  return seen;
}

/** What each verb does: (ctx, ids, ...operands). */
const verbs = {
  insert: async (ctx, ids, table, label, value) => void (ids[label] = await ctx.db.insert(table, value)),
  get: async (ctx, _ids, id) => await ctx.db.get(id),
  getFrom: async (ctx, _ids, table, id) => await ctx.db.get(table, id),
  patch: async (ctx, _ids, id, value) => await ctx.db.patch(id, value),
  patchIn: async (ctx, _ids, table, id, value) => await ctx.db.patch(table, id, value),
  replace: async (ctx, _ids, id, value) => await ctx.db.replace(id, value),
  replaceIn: async (ctx, _ids, table, id, value) => await ctx.db.replace(table, id, value),
  remove: async (ctx, _ids, id) => await ctx.db.delete(id),
  removeFrom: async (ctx, _ids, table, id) => await ctx.db.delete(table, id),
  normalize: async (ctx, _ids, table, id) => ctx.db.normalizeId(table, id),
  find: async (ctx, _ids, rows, end) => await ended(found(ctx, rows), end),
  /** Two writes and a read under way at once: they are made in the order in which they were begun. */
  together: async (ctx, _ids, id, first, second) => {
    const both = [ctx.db.patch(id, first), ctx.db.get(id), ctx.db.patch(id, second), ctx.db.get(id)];
    return (await Promise.all(both)).filter((one) => one !== undefined && one !== null);
  },
  unawaited: async (ctx, _ids, value) => void ctx.db.insert("things", value),
  writeInside: async (ctx) => {
    const seen = [];
    for await (const row of ctx.db.query("things").withIndex("by_f")) {
      seen.push(row.f);
      if (row.f < 2) await ctx.db.insert("things", { f: row.f + 1 });
    }
    return seen;
  },
  throw: async (_ctx, _ids, value) => {
    throw value === "plain" ? new Error("plain") : new ConvexError(value);
  },
  child: async (ctx, ids, steps, fails) => {
    try {
      const done = await ctx.runMutation(anyApi.functions.child, { steps, ids: { ...ids }, fails });
      Object.assign(ids, done.ids);
      return done.outcomes;
    } catch (error) {
      if (!fails || !(error instanceof ConvexError)) throw error;
      const data = typeof error.data === "string" ? JSON.parse(error.data) : error.data;
      return { undone: jsonToConvex(data) };
    }
  },
  ask: async (ctx, ids, steps) => (await ctx.runQuery(anyApi.functions.look, { steps, ids: { ...ids } })).outcomes,
};

async function play(ctx, { steps, ids, fails }) {
  const outcomes = [];
  for (const [verb, ...operands] of steps) {
    // Steps of a child are its own to take apart: it may have inserted what they name.
    const own = verb === "child" || verb === "ask" ? operands : operands.map((one) => real(one, ids));
    if (own.some((one) => typeof one === "string" && one.startsWith("@"))) {
      // Its insert was refused or undone: there is no id to speak of.
      outcomes.push({ skipped: true });
      continue;
    }
    try {
      outcomes.push({ value: (await verbs[verb](ctx, ids, ...own)) ?? null });
    } catch (error) {
      outcomes.push(error instanceof ConvexError ? { data: error.data } : { error: error.message });
    }
  }
  // As text: convex-test decodes the data of nested errors twice.
  if (fails) throw new ConvexError(JSON.stringify(convexToJson(outcomes)));
  return { outcomes, ids };
}

const args = { steps: v.array(v.any()), ids: v.any(), fails: v.optional(v.boolean()) };
export const run = mutation({ args, handler: play });
export const ask = query({ args, handler: play });
export const child = internalMutation({ args, handler: play });
export const look = internalQuery({ args, handler: play });

export const page = query({
  args: { rows: v.any(), ids: v.any(), options: v.any() },
  handler: async (ctx, { rows, ids, options }) => await found(ctx, real(rows, ids)).paginate(options),
});

/** Throws out of the function. */
export const fails = mutation({
  args: { value: v.any(), wait: v.boolean() },
  handler: async (ctx, { value, wait }) => {
    const write = ctx.db.insert("things", { f: "never" });
    if (wait) await write;
    throw value === "plain" ? new Error("plain") : new ConvexError(value);
  },
});

export const wipe = mutation({
  args: {},
  handler: async (ctx) => {
    for (const table of ["things", "strict", "others"]) {
      for (const row of await ctx.db.query(table).collect()) await ctx.db.delete(row._id);
    }
  },
});
