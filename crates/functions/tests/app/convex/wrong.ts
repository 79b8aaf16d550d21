// What the snippets of ../../corpus use: the SDK's names, callees, and values that are wrong in some way.
import { anyApi, internalMutationGeneric as internalMutation, internalQueryGeneric as internalQuery, actionGeneric as action, mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { ConvexError, v } from "convex/values";

export {
  actionGeneric as action, anyApi as api, cronJobs, defineSchema, defineTable, httpActionGeneric as httpAction,
  httpRouter, internalMutationGeneric as internalMutation, internalQueryGeneric as internalQuery,
  makeFunctionReference, mutationGeneric as mutation, paginationOptsValidator, queryGeneric as query,
} from "convex/server";
export { ConvexError, convexToJson, v } from "convex/values";

export class Point {
  constructor(public x: number, public y: number) {}
}

/** An object that contains itself. */
export function cyclic() {
  const object: any = { name: "snake" };
  object.tail = object;
  return object;
}

/** A string inside so many objects. */
export function deep(levels: number) {
  let value: any = "bottom";
  for (let i = 0; i < levels; i++) value = { in: value };
  return value;
}

/** An object with so many fields. */
export function wide(fields: number) {
  return Object.fromEntries(Array.from({ length: fields }, (_, i) => [`f${i}`, i]));
}

/** A syscall past the SDK's own checks. */
export async function raw(op: string, args: unknown) {
  return JSON.parse(await (globalThis as any).Convex.asyncSyscall(op, typeof args === "string" ? args : JSON.stringify(args)));
}

export function rawSync(op: string, args: unknown) {
  return JSON.parse((globalThis as any).Convex.syscall(op, typeof args === "string" ? args : JSON.stringify(args)));
}

export const plainQuery = query({ args: {}, handler: async () => "asked" });
export const plainMutation = mutation({ args: {}, handler: async () => "done" });
export const plainAction = action({ args: {}, handler: async () => "acted" });
export const hiddenQuery = internalQuery({ args: {}, handler: async () => "hidden" });
export const hiddenMutation = internalMutation({ args: {}, handler: async () => "hidden" });
export const notAFunction = 5;
export const bareFunction = async () => "bare";

export const takesNumber = mutation({ args: { n: v.number() }, handler: async (_ctx, { n }) => n });
export const asksNumber = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => n });
export const givesNumber = mutation({ args: { value: v.any() }, returns: v.number(), handler: async (_ctx, { value }) => value });
export const fails = mutation({ args: {}, handler: async () => { throw new Error("inner"); } });
export const failsWithData = mutation({ args: {}, handler: async () => { throw new ConvexError({ code: 7 }); } });
export const writes = mutation({
  args: { rows: v.number() },
  handler: async (ctx, { rows }) => {
    for (let n = 0; n < rows; n++) await ctx.db.insert("numbers", { n });
  },
});

/** Calls itself until it is stopped. */
export const descends = mutation({
  args: {},
  handler: async (ctx): Promise<any> => await ctx.runMutation((anyApi as any).wrong.descends, {}),
});
