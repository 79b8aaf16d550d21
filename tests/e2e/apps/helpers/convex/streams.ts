// Streams: merged, filtered, mapped, joined, distinct, and paginated; and the paginators.

import { filter } from "convex-helpers/server/filter";
import { getPage, paginator } from "convex-helpers/server/pagination";
import { mergedStream, stream } from "convex-helpers/server/stream";
import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { mutation, query } from "./_generated/server";
import schema from "./schema";

const options = { paginationOpts: paginationOptsValidator };
const texts = (events: Doc<"events">[]) => events.map((event) => event.text);
const shown = <P extends { page: Doc<"events">[] }>(result: P) => ({ ...result, page: texts(result.page) });

export const add = mutation({
  args: { events: v.array(v.object({ channel: v.string(), rank: v.number(), text: v.string() })) },
  handler: async (ctx, { events }) => {
    for (const event of events) await ctx.db.insert("events", event);
  },
});

/** Two channels as one stream by rank, newest rank last. */
export const merged = query({
  args: { channels: v.array(v.string()), ...options },
  handler: async (ctx, { channels, paginationOpts }) => {
    const streams = channels.map((channel) =>
      stream(ctx.db, schema)
        .query("events")
        .withIndex("by_channel_rank", (q) => q.eq("channel", channel)),
    );
    return shown(await mergedStream(streams, ["rank", "_creationTime"]).paginate(paginationOpts));
  },
});
export const mergedDescending = query({
  args: { channels: v.array(v.string()) },
  handler: async (ctx, { channels }) => {
    const streams = channels.map((channel) =>
      stream(ctx.db, schema)
        .query("events")
        .withIndex("by_channel_rank", (q) => q.eq("channel", channel))
        .order("desc"),
    );
    return texts(await mergedStream(streams, ["rank"]).take(3));
  },
});
/** Only even ranks: filtered before it is paginated, so that every page is full. */
export const even = query({
  args: { channel: v.string(), ...options },
  handler: async (ctx, { channel, paginationOpts }) =>
    shown(
      await stream(ctx.db, schema)
        .query("events")
        .withIndex("by_channel_rank", (q) => q.eq("channel", channel).gte("rank", 2))
        .filterWith(async (event) => event.rank % 2 === 0)
        .paginate(paginationOpts),
    ),
});
export const channels = query({
  args: {},
  handler: async (ctx) =>
    await stream(ctx.db, schema)
      .query("events")
      .withIndex("by_channel_rank")
      .distinct(["channel"])
      .map(async (event) => event.channel)
      .collect(),
});
/** The events of every tag's channel, tag after tag. The library loses rows when it paginates this, so it is collected. */
export const joined = query({
  args: {},
  handler: async (ctx) =>
    texts(
      await stream(ctx.db, schema)
        .query("tags")
        .flatMap(
          async (tag) =>
            stream(ctx.db, schema)
              .query("events")
              .withIndex("by_channel_rank", (q) => q.eq("channel", tag.name)),
          ["channel", "rank", "_creationTime", "_id"],
        )
        .collect(),
    ),
});

/** Twice in one query, which `paginate` of the server refuses. */
export const twoPages = query({
  args: { channel: v.string(), ...options },
  handler: async (ctx, { channel, paginationOpts }) => {
    const one = () =>
      paginator(ctx.db, schema)
        .query("events")
        .withIndex("by_channel_rank", (q) => q.eq("channel", channel));
    const first = await one().paginate(paginationOpts);
    const second = await one().paginate({ ...paginationOpts, cursor: first.continueCursor });
    return [shown(first), shown(second)];
  },
});
export const twoPlainPages = query({
  args: options,
  handler: async (ctx, { paginationOpts }) => {
    const first = await ctx.db.query("events").paginate(paginationOpts);
    await ctx.db.query("events").paginate({ ...paginationOpts, cursor: first.continueCursor });
  },
});
export const byKeys = query({
  args: { start: v.optional(v.array(v.any())), size: v.number(), order: v.union(v.literal("asc"), v.literal("desc")) },
  handler: async (ctx, { start, size, order }) => {
    const { page, indexKeys, hasMore } = await getPage(ctx, {
      table: "events",
      index: "by_channel_rank",
      schema,
      startIndexKey: start,
      startInclusive: false,
      targetMaxRows: size,
      order,
    });
    return { page: texts(page), last: indexKeys.at(-1) ?? null, hasMore };
  },
});

/** The `filter` helper: any code, after the page is read, so that pages may be short. */
export const short = query({
  args: options,
  handler: async (ctx, { paginationOpts }) => {
    const predicate = async (event: Doc<"events">) => event.text.length === 2;
    const collected = await filter(ctx.db.query("events"), predicate).collect();
    const last = await filter(ctx.db.query("events").order("desc"), predicate).first();
    const page = await filter(ctx.db.query("events"), predicate)
      .withIndex("by_channel_rank", (q) => q.eq("channel", "a"))
      .paginate(paginationOpts);
    return { collected: texts(collected), last: last?.text ?? null, page: shown(page) };
  },
});
