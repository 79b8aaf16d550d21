// The ents: unique fields, defaults, and edges of every cardinality.

import { defineEnt, defineEntSchema, getEntDefinitions } from "convex-ents";
import { v } from "convex/values";

const schema = defineEntSchema({
  users: defineEnt({ name: v.string() })
    .field("email", v.string(), { unique: true })
    .edge("profile", { ref: true })
    .edges("posts", { ref: true })
    .edges("friends", { to: "users" })
    .edges("followees", { to: "users", inverse: "followers" }),
  profiles: defineEnt({ bio: v.string() }).edge("user"),
  posts: defineEnt({ title: v.string() })
    .field("views", v.number(), { default: 0 })
    .field("rank", v.number(), { index: true })
    .edge("user")
    .edges("comments", { ref: true })
    .edges("tags"),
  comments: defineEnt({ text: v.string() }).edge("post"),
  tags: defineEnt({}).field("name", v.string(), { unique: true }).edges("posts"),
  drafts: defineEnt({ text: v.string() }).deletion("soft"),
  notices: defineEnt({ text: v.string() }).deletion("scheduled", { delayMs: 500 }).edges("replies", { ref: true }),
  replies: defineEnt({ text: v.string() }).edge("notice"),
  secrets: defineEnt({ userId: v.id("users"), text: v.string(), sealed: v.boolean() }),
});

export default schema;
export const entDefinitions = getEntDefinitions(schema);
