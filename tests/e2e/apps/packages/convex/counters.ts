import { ShardedCounter } from "@convex-dev/sharded-counter";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const counter = new ShardedCounter((components as any).shardedCounter);

export const add = mutation({
  args: { name: v.string(), by: v.number() },
  handler: async (ctx, { name, by }) => void (await counter.add(ctx, name, by)),
});
export const count = query({ args: { name: v.string() }, handler: async (ctx, { name }) => await counter.count(ctx, name) });
