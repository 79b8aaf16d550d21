// The tables of the application that is made of convex-helpers.

import { rateLimitTables } from "convex-helpers/server/rateLimit";
import { vSessionId } from "convex-helpers/server/sessions";
import { deprecated, literals } from "convex-helpers/validators";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  users: defineTable({ name: v.string(), role: literals("member", "admin") }).index("by_name", ["name"]),
  profiles: defineTable({ userId: v.id("users"), bio: v.string() }).index("userId", ["userId"]),
  posts: defineTable({ authorId: v.id("users"), title: v.string(), likes: v.number() }).index("by_author", [
    "authorId",
  ]),
  tags: defineTable({ name: v.string() }),
  postTags: defineTable({ postId: v.id("posts"), tagId: v.id("tags") })
    .index("postId", ["postId"])
    .index("tagId", ["tagId"]),

  // Row-level security.
  notes: defineTable({ owner: v.string(), text: v.string(), locked: v.boolean() }).index("by_owner", ["owner"]),

  // Triggers.
  accounts: defineTable({ name: v.string(), balance: v.number() }),
  totals: defineTable({ sum: v.number(), count: v.number() }),
  audit: defineTable({ operation: v.string(), name: v.string(), from: v.optional(v.number()), to: v.optional(v.number()) }),

  // Streams.
  events: defineTable({ channel: v.string(), rank: v.number(), text: v.string() }).index("by_channel_rank", [
    "channel",
    "rank",
  ]),

  // Validators.
  gadgets: defineTable({
    kind: literals("lamp", "chair"),
    price: v.number(),
    color: v.optional(v.string()),
    legacy: deprecated,
  }).index("by_kind", ["kind"]),

  visits: defineTable({ sessionId: vSessionId, pages: v.array(v.string()) }).index("sessionId", ["sessionId"]),
  ...rateLimitTables,
});
