// Queries and mutations that have `ctx.table` in place of `ctx.db`; `viewer` is whoever the caller says.

import { addEntRules, entsTableFactory, scheduledDeleteFactory } from "convex-ents";
import { customMutation, customQuery } from "convex-helpers/server/customFunctions";
import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Id } from "./_generated/dataModel";
import { mutation as baseMutation, query as baseQuery } from "./_generated/server";
import { entDefinitions } from "./schema";

function ruled(viewer: Id<"users"> | null) {
  return addEntRules(entDefinitions, {
    secrets: {
      read: async (secret) => secret.userId === viewer,
      write: async ({ operation, ent, value }) => {
        if (operation === "create") return value.userId === viewer;
        if (operation === "delete") return !ent.sealed;
        return !ent.sealed && (value.userId === undefined || value.userId === ent.userId);
      },
    },
  });
}

const args = { viewer: v.optional(v.id("users")) };

export const query = customQuery(baseQuery, {
  args,
  input: async (ctx, { viewer }) => ({ ctx: { table: entsTableFactory(ctx, ruled(viewer ?? null)), db: undefined }, args: {} }),
});
/** Deletes later what is to be deleted later, a page at a time. */
export const scheduledDelete = scheduledDeleteFactory(entDefinitions);
const options = { scheduledDelete: internal.functions.scheduledDelete as any };
export const mutation = customMutation(baseMutation, {
  args,
  input: async (ctx, { viewer }) => ({
    ctx: { table: entsTableFactory(ctx, ruled(viewer ?? null), options), db: undefined },
    args: {},
  }),
});
