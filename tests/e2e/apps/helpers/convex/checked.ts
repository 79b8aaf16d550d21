// Arguments and results checked by zod, and by the validators of convex-helpers.

import { NoOp, customCtxAndArgs } from "convex-helpers/server/customFunctions";
import { zCustomQuery as zCustomQuery3 } from "convex-helpers/server/zod3";
import { zCustomMutation, zCustomQuery, zid, zodToConvex } from "convex-helpers/server/zod4";
import { doc, literals, parse, partial, typedV, validate } from "convex-helpers/validators";
import { v } from "convex/values";
import { z } from "zod";
import { z as z3 } from "zod/v3";
import { mutation, query } from "./_generated/server";
import schema from "./schema";

const zQuery = zCustomQuery(query, NoOp);
const zMutation = zCustomMutation(
  mutation,
  customCtxAndArgs({
    args: { shop: v.string() },
    input: async (_ctx, { shop }) => ({ ctx: { shop: shop.toUpperCase() }, args: { from: shop } }),
  }),
);
const vv = typedV(schema);

export const greet = zQuery({
  args: {
    email: z.email(),
    age: z.number().int().min(18).max(130),
    name: z.string().trim().min(2).default("nobody"),
    at: z.number().transform((ms) => new Date(ms).toISOString()).optional(),
  },
  handler: async (_ctx, args) => args,
});
export const wrongResult = zQuery({
  args: { give: z.union([z.string(), z.number()]) },
  returns: z.object({ text: z.string().max(3) }),
  handler: async (_ctx, { give }) => ({ text: give as string }),
});
export const gadgetById = zQuery({
  args: { id: zid("gadgets") },
  handler: async (ctx, { id }) => (await ctx.db.get(id))?.price ?? null,
});
export const addGadget = zMutation({
  args: { gadget: z.object({ kind: z.enum(["lamp", "chair"]), price: z.number().positive() }) },
  returns: z.object({ id: zid("gadgets"), shop: z.string(), from: z.string() }),
  handler: async (ctx, { gadget, from }) => ({ id: await ctx.db.insert("gadgets", gadget), shop: ctx.shop, from }),
});
/** The older zod, which many applications still have. */
export const older = zCustomQuery3(query, NoOp)({
  args: { word: z3.string().min(2).transform((word) => word.length), times: z3.number().default(2) },
  handler: async (_ctx, { word, times }) => word * times,
});
/** A validator that was made of a zod schema. */
export const viaConvex = query({
  args: zodToConvex(z.object({ list: z.array(z.union([z.literal("a"), z.number()])), maybe: z.string().optional() })),
  handler: async (_ctx, args) => args,
});

export const patchGadget = mutation({
  args: { id: vv.id("gadgets"), patch: v.object(partial({ price: v.number(), color: v.string() })) },
  returns: vv.doc("gadgets"),
  handler: async (ctx, { id, patch }) => {
    await ctx.db.patch("gadgets", id, patch);
    return (await ctx.db.get("gadgets", id))!;
  },
});
export const ofKind = query({
  args: { kind: literals("lamp", "chair") },
  returns: v.array(doc(schema, "gadgets")),
  handler: async (ctx, { kind }) =>
    await ctx.db.query("gadgets").withIndex("by_kind", (q) => q.eq("kind", kind)).collect(),
});
export const notADoc = query({
  args: { id: v.id("gadgets") },
  returns: doc(schema, "gadgets"),
  handler: async (ctx, { id }) => {
    const { _creationTime, ...rest } = (await ctx.db.get(id))!;
    return rest as any;
  },
});
export const withLegacy = mutation({
  args: { legacy: v.any() },
  handler: async (ctx, { legacy }) => await ctx.db.insert("gadgets", { kind: "lamp", price: 1, legacy }),
});
export const validated = query({
  args: { value: v.any() },
  handler: async (ctx, { value }) => {
    const validator = v.object({ id: v.id("gadgets"), count: v.optional(v.number()) });
    let failure: string | null = null;
    try {
      validate(validator, value, { throw: true, db: ctx.db });
    } catch (error) {
      failure = (error as Error).message;
    }
    return { failure, parsed: failure ? null : parse(validator, { ...value, extra: 1 }) };
  },
});
