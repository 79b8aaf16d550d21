// Libraries that need nothing from outside: in queries and mutations, and in actions where they wait.

import bcrypt from "bcryptjs";
import { addMonths, differenceInBusinessDays, eachDayOfInterval, format, formatDistance, parse, parseISO } from "date-fns";
import { de } from "date-fns/locale";
import _ from "lodash";
import debounce from "lodash/debounce";
import { customAlphabet, nanoid } from "nanoid";
import { v1, v3, v4, v5, v7, validate, version } from "uuid";
import { z } from "zod";
import { action, mutation, query } from "./_generated/server";
import { v } from "convex/values";

const Order = z
  .object({
    id: z.uuid(),
    email: z.email(),
    url: z.url().optional(),
    quantity: z.coerce.number().int().positive(),
    kind: z.discriminatedUnion("type", [
      z.object({ type: z.literal("pickup") }),
      z.object({ type: z.literal("delivery"), street: z.string().min(1).trim() }),
    ]),
    tags: z.array(z.string()).default([]),
    at: z.iso.datetime().transform((text) => new Date(text).getTime()),
  })
  .refine((order) => order.quantity < 10 || order.kind.type === "delivery", { error: "too much to carry" });

export const order = query({
  args: { value: v.any() },
  handler: async (_ctx, { value }) => {
    const parsed = Order.safeParse(value);
    if (parsed.success) return { order: parsed.data };
    const isTheirs = parsed.error instanceof z.ZodError && parsed.error instanceof Error;
    return { isTheirs, issues: parsed.error.issues.map((issue) => [issue.path.join("."), issue.code, issue.message]) };
  },
});
export const orderSchema = query({ args: {}, handler: async () => JSON.stringify(z.toJSONSchema(z.object({ n: z.int(), s: z.string() }))) });
export const asyncRefinement = action({
  args: { name: v.string() },
  handler: async (_ctx, { name }) => {
    const Name = z.string().refine(async (text) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return text !== "taken";
    }, "taken");
    return (await Name.safeParseAsync(name)).success;
  },
});

export const ids = mutation({
  args: {},
  handler: async () => {
    const name = "https://libraries.example/";
    const made = { v1: v1(), v3: v3(name, v3.URL), v4: v4(), v5: v5(name, v5.URL), v7: v7() };
    const versions = Object.values(made).map((id) => (validate(id) ? version(id) : -1));
    const nano = [nanoid(), nanoid(10), customAlphabet("ab", 12)()];
    return { made, versions, nano, distinct: new Set([v4(), v4(), v7(), v7(), nanoid(), nanoid()]).size };
  },
});
export const idsInAction = action({ args: {}, handler: async () => [v4(), v7(), nanoid(), crypto.randomUUID()] });

export const dates = query({
  args: { iso: v.string() },
  handler: async (_ctx, { iso }) => {
    const date = parseISO(iso);
    return {
      isDate: date instanceof Date,
      long: format(date, "EEEE, do MMMM yyyy HH:mm xxx"),
      german: format(date, "EEEE, d. MMMM", { locale: de }),
      month: addMonths(date, 1).toISOString(),
      week: differenceInBusinessDays(addMonths(date, 1), date),
      days: eachDayOfInterval({ start: date, end: addMonths(date, 1) }).length,
      ago: formatDistance(date, addMonths(date, 3), { addSuffix: true }),
      parsed: parse("29/02/2024", "dd/MM/yyyy", date).getTime(),
      invalid: Number.isNaN(parse("31/02/2024", "dd/MM/yyyy", date).getTime()),
      recent: Math.abs(Date.now() - new Date().getTime()) < 1000,
    };
  },
});

export const shapes = query({
  args: {},
  handler: async () => {
    const source = { a: [1, { b: new Date(5) }], m: new Map([["k", new Set([1])]]), bytes: new Uint8Array([1, 2]), s: /x/g };
    const copy = _.cloneDeep(source);
    return {
      equal: _.isEqual(source, copy),
      apart: copy.a !== source.a && copy.m !== source.m && copy.bytes !== source.bytes,
      kinds: [_.isMap(copy.m), _.isDate(_.get(copy, "a[1].b")), _.isTypedArray(copy.bytes), _.isRegExp(copy.s), _.isPlainObject({})],
      grouped: _.groupBy([1.2, 1.8, 2.1], Math.floor),
      merged: _.merge({ a: { x: 1 } }, { a: { y: [2] } }),
      sorted: _.orderBy([{ n: 1 }, { n: 3 }, { n: 2 }], ["n"], ["desc"]).map((row) => row.n),
      words: [_.camelCase("some-long name"), _.startCase("someName"), _.deburr("d\u00e9j\u00e0"), _.truncate("abcdefgh", { length: 5 })],
      chained: _.chain([3, 1, 2]).sortBy().map((n) => n * 2).filter((n) => n > 2).value(),
      sample: [1, 2, 3].includes(_.sample([1, 2, 3])!),
    };
  },
});
export const debounced = action({
  args: {},
  handler: async () => {
    const calls: number[] = [];
    const late = debounce((n: number) => calls.push(n), 10);
    for (const n of [1, 2, 3]) late(n);
    await new Promise((resolve) => setTimeout(resolve, 40));
    late(4);
    late.flush();
    return calls;
  },
});

export const hashNow = mutation({
  args: { password: v.string() },
  handler: async (_ctx, { password }) => {
    const hash = bcrypt.hashSync(password, 4);
    return { hash, right: bcrypt.compareSync(password, hash), wrong: bcrypt.compareSync(`${password}.`, hash) };
  },
});
export const hashLater = action({
  args: { password: v.string(), hash: v.string() },
  handler: async (_ctx, { password, hash }) => {
    const own = await bcrypt.hash(password, await bcrypt.genSalt(5));
    return { theirs: await bcrypt.compare(password, hash), own: await bcrypt.compare(password, own), rounds: bcrypt.getRounds(own) };
  },
});
