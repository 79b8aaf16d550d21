// Packages from npm whose functions run in contexts that earlier calls have used: what their calls
// change of what is older is put back. Every call is run again in a fresh context and compared.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";

import { Project, Server } from "./harness.mjs";

/** More than enough for a realm to be watched by every executor. */
const CALLS = 12;

const SCHEMA = `
import { defineEnt, defineEntSchema, getEntDefinitions } from "convex-ents";
import { v } from "convex/values";
const schema = defineEntSchema({
  users: defineEnt({ name: v.string() }).edges("posts", { ref: true }),
  posts: defineEnt({ text: v.string() }).edge("user"),
});
export default schema;
export const definitions = getEntDefinitions(schema);
`;

/** Packages, and a query that uses them as people do. */
const MODULES = {
  "convex": `
    export const f = query({ args: { n: v.number() }, handler: async (ctx, { n }) => [n, (await ctx.db.query("users").collect()).length] });`,
  "zod": `
    import { z } from "zod";
    const Order = z.object({
      id: z.uuid(), email: z.email(), url: z.url().optional(), quantity: z.coerce.number().int().positive(),
      kind: z.discriminatedUnion("type", [z.object({ type: z.literal("pickup") }), z.object({ type: z.literal("delivery"), street: z.string().trim().min(1) })]),
      tags: z.array(z.string()).default([]), at: z.iso.datetime().transform((text) => new Date(text).getTime()),
      more: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).optional(),
      get parts() { return z.array(Order).optional(); },
    }).refine((order) => order.quantity < 10, { error: "too much" });
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => {
      const order = { id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", email: "ada@example.com", quantity: "2", kind: { type: n % 2 ? "pickup" : "fax" }, at: "2024-02-29T12:00:00Z" };
      const parsed = Order.safeParse({ ...order, parts: [order] });
      const partial = Order.safeExtend({ note: z.string() }).safeParse(order);
      return JSON.stringify([parsed.success ? parsed.data : parsed.error.issues, partial.success, z.toJSONSchema(z.object({ n: z.int() })).required]);
    } });`,
  "zod/mini": `
    import * as z from "zod/mini";
    const Name = z.object({ name: z.string().check(z.minLength(2)), n: z.optional(z.number()) });
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => JSON.stringify(Name.safeParse({ name: "a".repeat(n), n })) });`,
  "zod/v3": `
    import { z } from "zod/v3";
    const Name = z.object({ name: z.string().min(2), n: z.number().optional() }).strict();
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => JSON.stringify(Name.safeParse({ name: "a".repeat(n), n })) });`,
  "convex-helpers/server/zod4": `
    import { NoOp } from "convex-helpers/server/customFunctions";
    import { zCustomQuery } from "convex-helpers/server/zod4";
    import { z } from "zod";
    const zQuery = zCustomQuery(query, NoOp);
    export const f = zQuery({ args: { n: z.number().min(0), at: z.string().default("none") }, returns: z.object({ n: z.number() }), handler: async (_ctx, { n }) => ({ n }) });`,
  "convex-helpers/server/zod3": `
    import { NoOp } from "convex-helpers/server/customFunctions";
    import { zCustomQuery } from "convex-helpers/server/zod3";
    import { z } from "zod/v3";
    const zQuery = zCustomQuery(query, NoOp);
    export const f = zQuery({ args: { n: z.number().min(0) }, handler: async (_ctx, { n }) => n });`,
  "convex-helpers/server/customFunctions": `
    import { customCtx, customQuery } from "convex-helpers/server/customFunctions";
    const mine = customQuery(query, customCtx(async (ctx) => ({ count: (await ctx.db.query("users").collect()).length })));
    export const f = mine({ args: { n: v.number() }, handler: async (ctx, { n }) => [n, ctx.count] });`,
  "convex-helpers/server/relationships": `
    import { asyncMap } from "convex-helpers";
    import { getManyFrom } from "convex-helpers/server/relationships";
    export const f = query({ args: { n: v.number() }, handler: async (ctx) => {
      const users = await ctx.db.query("users").collect();
      return await asyncMap(users, async (user) => [user.name, (await getManyFrom(ctx.db, "posts", "userId", user._id)).length]);
    } });`,
  "convex-helpers/server/rowLevelSecurity": `
    import { customCtx, customQuery } from "convex-helpers/server/customFunctions";
    import { wrapDatabaseReader } from "convex-helpers/server/rowLevelSecurity";
    const mine = customQuery(query, customCtx((ctx) => ({ db: wrapDatabaseReader(ctx, ctx.db, { users: { read: async (_ctx, user) => user.name !== "Ben" } }) })));
    export const f = mine({ args: { n: v.number() }, handler: async (ctx) => (await ctx.db.query("users").collect()).map((user) => user.name) });`,
  "convex-helpers/server/filter": `
    import { filter } from "convex-helpers/server/filter";
    export const f = query({ args: { n: v.number() }, handler: async (ctx, { n }) => await filter(ctx.db.query("users"), (user) => user.name.length > n).collect() });`,
  "convex-helpers/validators": `
    import { literals, partial, validate } from "convex-helpers/validators";
    const fields = v.object(partial({ kind: literals("a", "b"), n: v.number() }));
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => [validate(fields, { kind: "a", n }), validate(fields, { kind: n })] });`,
  "convex-ents": `
    import { customCtx, customQuery } from "convex-helpers/server/customFunctions";
    import { entsTableFactory } from "convex-ents";
    import { definitions } from "./schema";
    const mine = customQuery(query, customCtx(async (ctx) => ({ table: entsTableFactory(ctx, definitions) })));
    export const f = mine({ args: { n: v.number() }, handler: async (ctx) => await ctx.table("users").map(async (user) => [user.name, (await user.edge("posts")).length]) });`,
  "effect": `
    import { Data, Effect, Option, Result, Schema, pipe } from "effect";
    class NotFound extends Data.TaggedError("NotFound") {}
    const find = (id) => (id > 1 ? Effect.succeed({ id, age: 36 }) : Effect.fail(new NotFound({ id })));
    const Person = Schema.Struct({ name: Schema.String, age: Schema.Number, born: Schema.optional(Schema.String) });
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => {
      const program = Effect.gen(function* () {
        const person = yield* find(n);
        yield* Effect.sleep(0).pipe(Effect.ignore, Effect.when(Effect.succeed(false)));
        return pipe(Option.some(person.age), Option.map((age) => age + 1), Option.getOrElse(() => -1));
      });
      const handled = program.pipe(Effect.catchTag("NotFound", (error) => Effect.succeed("no " + error.id)));
      const decoded = Schema.decodeUnknownResult(Person)({ name: "Ada", age: n % 2 ? n : "x" });
      return [await Effect.runPromise(handled), Effect.runSync(handled), Result.isSuccess(decoded) ? decoded.success : String(decoded.failure)];
    } });`,
  "date-fns": `
    import { addMonths, eachDayOfInterval, format, formatDistance, parse, parseISO } from "date-fns";
    import { de } from "date-fns/locale";
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => {
      const at = addMonths(parseISO("2024-01-31T09:30:00Z"), n);
      return [format(at, "EEEE, do MMMM yyyy HH:mm"), format(at, "PPPP", { locale: de }), formatDistance(at, new Date(0)), parse("29.02.2024", "dd.MM.yyyy", new Date(0)).getTime(),
        eachDayOfInterval({ start: new Date(0), end: new Date(1e9) }).length];
    } });`,
  "jose": `
    import { SignJWT, importJWK, jwtVerify } from "jose";
    const secret = new TextEncoder().encode("a secret of 32 bytes, or so it is");
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => {
      const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.x";
      const key = await importJWK({ kty: "oct", k: "YWJj", alg: "HS256" });
      let failed; try { await jwtVerify(jwt, secret); } catch (error) { failed = error.code; }
      return [failed, key.length ?? String(key)];
    } });`,
  "lodash": `
    import _ from "lodash";
    const slow = _.memoize((n) => n * 2);
    const once = _.once(() => ({ at: Date.now() }));
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => [slow(n), slow.cache.size, once().at > 0, _.uniqueId("a"), _.chain([3, 1, 2]).sortBy().map((x) => x + n).value()] });`,
  "nanoid": `
    import { customAlphabet, nanoid } from "nanoid";
    const short = customAlphabet("ab", 12);
    export const f = query({ args: { n: v.number() }, handler: async () => [nanoid(), short()] });`,
  "uuid": `
    import { v1, v4, v5, v7 } from "uuid";
    export const f = query({ args: { n: v.number() }, handler: async () => [v1(), v4(), v5("a", v5.URL), v7()] });`,
  "bcryptjs": `
    import bcrypt from "bcryptjs";
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => bcrypt.compareSync("a" + n, bcrypt.hashSync("a" + n, 4)) });`,
  "openai": `
    import OpenAI from "openai";
    const client = new OpenAI({ apiKey: "key", baseURL: "https://openai.example" });
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => [client.baseURL, n] });`,
  "svix": `
    import { Webhook } from "svix";
    const hook = new Webhook("whsec_YSBrZXkgb2YgYSB3ZWJob29rLCAyNCBi");
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => hook.sign("msg_" + n, new Date(1e12), "{}") });`,
  "oslo": `
    import { TimeSpan } from "oslo";
    import { base32, encodeHex } from "oslo/encoding";
    export const f = query({ args: { n: v.number() }, handler: async (_ctx, { n }) => [new TimeSpan(n, "d").seconds(), encodeHex(new Uint8Array([n])), base32.encode(new Uint8Array([n, 2]))] });`,
};

const IMPORTS = `import { v } from "convex/values";\nimport { query } from "./_generated/server";\n`;
const fileOf = (name) => name.replace(/\W/g, "_");

/** How realms have fared so far. */
async function realms(server) {
  const response = await fetch(`${server.url}/api/realms`, { headers: { authorization: `Convex ${server.key}` } });
  assert.equal(response.status, 200);
  return response.json();
}

test("packages from npm are called in contexts that earlier calls have used", async (t) => {
  const server = await Server.start(t);
  const files = Object.entries(MODULES).map(([name, source]) => [`convex/${fileOf(name)}.ts`, `// @ts-nocheck\n${IMPORTS}${source}`]);
  const project = new Project(t, { ...Object.fromEntries(files), "convex/schema.ts": SCHEMA });
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  const http = new ConvexHttpClient(server.url);
  const fares = {};
  for (const name of Object.keys(MODULES)) {
    const before = await realms(server);
    for (let n = 0; n < CALLS; n++) await http.query(api[fileOf(name)].f, { n });
    const { reused, differences, findings } = await realms(server);
    assert.equal(differences, 0, JSON.stringify(findings));
    fares[name] = { reused: reused - before.reused, why: findings.find(({ module }) => module === `${fileOf(name)}.js`)?.what };
  }
  const fresh = Object.entries(fares).filter(([, { reused }]) => reused === 0);
  for (const [name, { reused, why }] of Object.entries(fares)) t.diagnostic(`${name}: ${reused} of ${CALLS} ${why ?? ""}`);
  assert.deepEqual(fresh.map(([name, { why }]) => [name, why]), []);
});
