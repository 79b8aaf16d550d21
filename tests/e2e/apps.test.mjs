// Applications as people write them, made of the libraries that most Convex applications build on,
// pushed by the stock CLI and called through the stock client.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";
import WebSocket from "ws";

import { Project, Server, here, until } from "./harness.mjs";

globalThis.WebSocket ??= WebSocket;

const api = anyApi;

/** A server with the application of a folder of `apps`; its types are right, and checking them takes too long here. */
async function application(t, name) {
  const folder = path.join(here, "apps", name, "convex");
  const files = fs.readdirSync(folder).map((file) => [`convex/${file}`, fs.readFileSync(path.join(folder, file), "utf8")]);
  const server = await Server.start(t);
  const project = new Project(t, Object.fromEntries(files));
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  return { server, project, http: new ConvexHttpClient(server.url) };
}

/** Every page of a paginated function, with `between` run after each but the last. */
async function pagesOf(http, reference, args, numItems, between = async () => {}) {
  const pages = [];
  let cursor = null;
  for (;;) {
    const result = await http.query(reference, { ...args, paginationOpts: { numItems, cursor } });
    pages.push(result);
    if (result.isDone) return pages;
    assert.ok(pages.length < 1000, "the pages have no end");
    assert.notEqual(result.continueCursor, cursor, "a page goes on");
    cursor = result.continueCursor;
    await between(result, pages.length);
  }
}

const items = (pages) => pages.flatMap((page) => page.page);

test("an application made of convex-helpers", async (t) => {
  const { server, project, http } = await application(t, "helpers");
  const as = (subject) => {
    const client = new ConvexHttpClient(server.url);
    client.setAdminAuth(server.key, { subject, issuer: "https://test.example", tokenIdentifier: `test|${subject}` });
    return client;
  };

  await t.test("relationships: one, many, many through a table, and missing ones", async () => {
    const { ada, ben, posts, tags } = await http.mutation(api.relations.seed, {});
    assert.deepEqual(await http.query(api.relations.ofUser, { userId: ada }), {
      name: "Ada",
      bio: "engines",
      posts: [
        { title: "one", tags: ["red", "green"] },
        { title: "two", tags: ["green"] },
        { title: "three", tags: ["blue"] },
      ],
    });
    assert.deepEqual(await http.query(api.relations.ofUser, { userId: ben }), { name: "Ben", bio: null, posts: [] });
    assert.deepEqual(await http.query(api.relations.postsOfTag, { tagId: tags[1] }), ["one", "two"]);
    assert.equal(await http.query(api.relations.bioOrThrow, { userId: ada }), "engines");
    await assert.rejects(http.query(api.relations.bioOrThrow, { userId: ben }), /Can't find a document in profiles with field userId/);
    await assert.rejects(http.query(api.relations.ofUser, { userId: posts[0] }), /ArgumentValidationError/);

    const backwards = tags.toReversed();
    assert.deepEqual(await http.query(api.relations.tagNames, { ids: backwards, strict: true }), ["blue", "green", "red"]);
    await http.mutation(api.relations.dropTag, { tagId: tags[0] });
    assert.deepEqual(await http.query(api.relations.tagNames, { ids: tags, strict: false }), [null, "green", "blue"]);
    await assert.rejects(http.query(api.relations.tagNames, { ids: tags, strict: true }), /Could not find id/);
    const { posts: left } = await http.query(api.relations.ofUser, { userId: ada });
    assert.deepEqual(left[0].tags, [null, "green"]);
    await assert.rejects(http.mutation(api.relations.dropTag, { tagId: tags[0] }), /nonexistent document/);

    await http.mutation(api.relations.secondProfile, { userId: ada });
    await assert.rejects(http.query(api.relations.ofUser, { userId: ada }), /unique\(\) query returned more than one result/);
  });

  await t.test("row-level security: each sees and changes what the rules allow", async () => {
    const [ada, ben] = [as("ada"), as("ben")];
    const own = await ada.mutation(api.rules.add, { owner: "ada", text: "a1" });
    await ada.mutation(api.rules.add, { owner: "ada", text: "a2" });
    await ada.mutation(api.rules.add, { owner: "ada", text: "a3" });
    const other = await ben.mutation(api.rules.add, { owner: "ben", text: "b1" });
    const all = ["a1", "a2", "a3", "b1"];
    const expected = { collected: ["a1", "a2", "a3"], newest: "a3", paged: ["a1", "a2", "a3"], taken: ["a1", "a2"], tags: 0 };
    assert.deepEqual(await ada.query(api.rules.list, {}), expected);
    assert.deepEqual(await ben.query(api.rules.list, {}), { collected: ["b1"], newest: "b1", paged: ["b1"], taken: ["b1"], tags: 0 });
    assert.deepEqual((await http.query(api.rules.list, {})).collected, [], "nobody sees nothing");
    assert.deepEqual(await ada.query(api.rules.ofOwner, { owner: "ben" }), []);
    assert.deepEqual(await ben.query(api.rules.ofOwner, { owner: "ben" }), ["b1"]);
    assert.deepEqual(await ada.query(api.rules.get, { id: own }), ["a1", "a1"]);
    assert.deepEqual(await ada.query(api.rules.get, { id: other }), [null, null]);

    await assert.rejects(ada.mutation(api.rules.add, { owner: "ben", text: "forged" }), /insert access not allowed/);
    await assert.rejects(ada.mutation(api.rules.edit, { id: other, text: "stolen" }), /no read access or doc does not exist/);
    await assert.rejects(ada.mutation(api.rules.remove, { id: other }), /no read access or doc does not exist/);
    await assert.rejects(ada.mutation(api.rules.addTwo, { mine: "ada", theirs: "ben" }), /insert access not allowed/);
    assert.deepEqual(await http.query(api.rules.all, {}), all, "what was refused left nothing");

    await ada.mutation(api.rules.edit, { id: own, text: "a1!", locked: true });
    await assert.rejects(ada.mutation(api.rules.edit, { id: own, locked: false }), /write access not allowed/);
    await assert.rejects(ada.mutation(api.rules.remove, { id: own }), /write access not allowed/);
    await ben.mutation(api.rules.remove, { id: other });
    assert.deepEqual(await http.query(api.rules.all, {}), ["a1!", "a2", "a3"]);

    const run = await project.convex(server, ["run", "rules:list", "--identity", '{"subject":"ada"}']);
    assert.deepEqual(JSON.parse(run.stdout).collected, ["a1!", "a2", "a3"], run.stderr);
  });

  await t.test("triggers write in the transaction that fires them, and undo it when they throw", async () => {
    const x = await http.mutation(api.bank.open, { name: "x", balance: 10 });
    const y = await http.mutation(api.bank.open, { name: "y", balance: 5 });
    await http.mutation(api.bank.transfer, { from: x, to: y, amount: 4 });
    const before = {
      total: { sum: 15, count: 2 },
      balances: [6, 9],
      audit: ["insert x - 10", "insert y - 5", "update y 5 9", "update x 10 6"],
    };
    assert.deepEqual(await http.query(api.bank.state, {}), before);
    await assert.rejects(http.mutation(api.bank.transfer, { from: x, to: y, amount: 7 }), /x would be overdrawn/);
    assert.deepEqual(await http.query(api.bank.state, {}), before, "the target was written before the trigger threw");

    const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
    await http.mutation(api.bank.openMany, { names });
    assert.deepEqual((await http.query(api.bank.state, {})).total, { sum: 35, count: 22 });
    await Promise.all(names.map((name) => http.mutation(api.bank.open, { name: `p${name}`, balance: 1 })));
    assert.deepEqual((await http.query(api.bank.state, {})).total, { sum: 55, count: 42 }, "mutations at once lose nothing");

    await http.mutation(api.bank.replaceAndClose, { id: x });
    const after = await http.query(api.bank.state, {});
    assert.deepEqual(after.total, { sum: 49, count: 41 });
    assert.deepEqual(after.audit.slice(-2), ["update closing 6 0", "delete closing 0 -"]);
  });

  await t.test("a subscriber sees no state in which the total and the accounts differ", async (t) => {
    const live = new ConvexClient(server.url);
    t.after(() => live.close());
    const states = [];
    live.onUpdate(api.bank.state, {}, (state) => states.push(state));
    await until(() => states.length > 0, { what: "first state" });
    const counted = states[0].total.count;
    await Promise.all(Array.from({ length: 10 }, () => http.mutation(api.bank.openMany, { names: ["l1", "l2", "l3"] })));
    await until(() => states.at(-1).total.count === counted + 30, { what: "last state" });
    for (const { total, balances } of states) {
      assert.deepEqual(total, { sum: balances.reduce((sum, balance) => sum + balance, 0), count: balances.length });
      assert.equal((total.count - counted) % 3, 0, "three accounts come at a time");
    }
  });

  await t.test("streams: merged, filtered, joined, distinct, paginated to the end while rows come in", async () => {
    const event = (channel, rank, text = `${channel}${rank}`) => ({ channel, rank, text });
    const ranks = (channel, from, count, step) => Array.from({ length: count }, (_, i) => event(channel, from + i * step));
    await http.mutation(api.streams.add, {
      events: [...ranks("a", 0, 10, 2), ...ranks("b", 1, 10, 2), ...ranks("green", 0, 3, 1), ...ranks("blue", 0, 2, 1)],
    });
    const both = { channels: ["b", "a"] };
    const alternating = Array.from({ length: 20 }, (_, i) => `${"ab"[i % 2]}${i}`);
    assert.deepEqual(items(await pagesOf(http, api.streams.merged, both, 3)), alternating);
    assert.deepEqual(await http.query(api.streams.mergedDescending, both), ["b19", "a18", "b17"]);

    // Between the pages one row comes in before the cursor, which is not to be seen, and one after it, which is.
    const late = [];
    const pages = await pagesOf(http, api.streams.merged, both, 4, async (result, count) => {
      const last = Number(result.page.at(-1).slice(1));
      late.push(`late${count}`);
      await http.mutation(api.streams.add, { events: [event("a", last - 0.5, `early${count}`), event("b", last + 0.5, `late${count}`)] });
    });
    const seen = items(pages);
    assert.deepEqual(seen.filter((text) => !text.startsWith("late")), alternating, "no gap and no repetition");
    assert.deepEqual(seen.filter((text) => text.startsWith("late")), late);
    assert.ok(pages.slice(0, -1).every((page) => page.page.length === 4), "pages are full");
    const everything = items(await pagesOf(http, api.streams.merged, both, 100));
    assert.equal(everything.length, 20 + 2 * late.length);

    // A page that is asked for again up to its end is the same page with what has come in.
    const [first] = pages;
    const again = await http.query(api.streams.merged, {
      ...both,
      paginationOpts: { numItems: 4, cursor: null, endCursor: first.continueCursor },
    });
    assert.deepEqual(again.page, ["a0", "b1", "a2", "early1", "b3"]);
    assert.equal(again.continueCursor, first.continueCursor);

    const even = await pagesOf(http, api.streams.even, { channel: "a" }, 2);
    assert.deepEqual(items(even).filter((text) => text.startsWith("a")), ["a2", "a4", "a6", "a8", "a10", "a12", "a14", "a16", "a18"]);
    assert.ok(even.slice(0, -1).every((page) => page.page.length === 2), "filtered pages are full");
    assert.deepEqual(await http.query(api.streams.channels, {}), ["a", "b", "blue", "green"]);
    // The tags were made in the order red, green, blue, and red is gone.
    assert.deepEqual(await http.query(api.streams.joined, {}), ["green0", "green1", "green2", "blue0", "blue1"]);
  });

  await t.test("paginators and filter", async () => {
    const page = (numItems) => ({ paginationOpts: { numItems, cursor: null } });
    const [one, two] = await http.query(api.streams.twoPages, { channel: "green", ...page(2) });
    assert.deepEqual([one.page, one.isDone], [["green0", "green1"], false]);
    assert.deepEqual([two.page, two.isDone], [["green2"], true]);
    await assert.rejects(http.query(api.streams.twoPlainPages, page(2)), /multiple paginated queries/);

    for (const order of ["asc", "desc"]) {
      const collected = [];
      let start;
      for (let more = true; more; ) {
        const { page: texts, last, hasMore } = await http.query(api.streams.byKeys, { size: 7, order, ...(start ? { start } : {}) });
        collected.push(...texts);
        more = hasMore;
        start = last ?? start;
      }
      if (order === "desc") collected.reverse();
      assert.equal(new Set(collected).size, collected.length);
      assert.deepEqual(collected.filter((text) => /^(blue|green)/.test(text)), ["blue0", "blue1", "green0", "green1", "green2"]);
      assert.equal(collected[0], "a0");
      assert.equal(collected.at(-1), "green2");
    }

    const short = await http.query(api.streams.short, page(5));
    assert.deepEqual(short.collected, ["a0", "a2", "a4", "a6", "a8", "b1", "b3", "b5", "b7", "b9"]);
    assert.equal(short.last, "b9");
    assert.deepEqual(short.page.page, ["a0", "a2", "a4"], "a page of five rows, two of which are filtered out");
    assert.equal(short.page.isDone, false);
  });

  await t.test("zod: defaults, transformations, refusals with their issues", async () => {
    assert.deepEqual(await http.query(api.checked.greet, { email: "a@b.example", age: 20, at: 0 }), {
      email: "a@b.example",
      age: 20,
      name: "nobody",
      at: "1970-01-01T00:00:00.000Z",
    });
    assert.equal((await http.query(api.checked.greet, { email: "a@b.example", age: 20, name: "  Ada " })).name, "Ada");
    const refused = await http.query(api.checked.greet, { email: "nowhere", age: 3, name: " x " }).catch((error) => error);
    assert.equal(refused.constructor.name, "ConvexError");
    const issues = refused.data.ZodError.map((issue) => [issue.path.join("."), issue.code]);
    assert.deepEqual(issues, [
      ["email", "invalid_format"],
      ["age", "too_small"],
      ["name", "too_small"],
    ]);
    // What Convex's own validators can say, they say before zod is asked.
    await assert.rejects(http.query(api.checked.greet, { email: 5, age: 20 }), /ArgumentValidationError/);
    await assert.rejects(http.query(api.checked.greet, { email: "a@b.example", age: 20, more: 1 }), /ArgumentValidationError.*extra field/s);

    assert.deepEqual(await http.query(api.checked.wrongResult, { give: "abc" }), { text: "abc" });
    await assert.rejects(http.query(api.checked.wrongResult, { give: "abcd" }), /too_big.*text/s);
    await assert.rejects(http.query(api.checked.wrongResult, { give: 7 }), /invalid_type.*text/s);

    const added = await http.mutation(api.checked.addGadget, { shop: "mart", gadget: { kind: "lamp", price: 5 } });
    assert.deepEqual({ ...added, id: null }, { id: null, shop: "MART", from: "mart" });
    assert.equal(await http.query(api.checked.gadgetById, { id: added.id }), 5);
    const free = await http.mutation(api.checked.addGadget, { shop: "mart", gadget: { kind: "lamp", price: 0 } }).catch((e) => e);
    assert.deepEqual(free.data.ZodError[0].path, ["gadget", "price"]);
    await assert.rejects(http.mutation(api.checked.addGadget, { gadget: { kind: "lamp", price: 5 } }), /ArgumentValidationError.*shop/s);
    const [tag] = (await project.convex(server, ["data", "tags", "--format", "jsonLines"])).stdout.trim().split("\n");
    await assert.rejects(http.query(api.checked.gadgetById, { id: JSON.parse(tag)._id }), /ArgumentValidationError.*gadgets/s);

    assert.equal(await http.query(api.checked.older, { word: "four" }), 8);
    const older = await http.query(api.checked.older, { word: "f", times: 1 }).catch((error) => error);
    assert.deepEqual(older.data.ZodError.map((issue) => [issue.path, issue.code]), [[["word"], "too_small"]]);

    const listed = { list: ["a", 1, "a"], maybe: "yes" };
    assert.deepEqual(await http.query(api.checked.viaConvex, listed), listed);
    await assert.rejects(http.query(api.checked.viaConvex, { list: ["b"] }), /ArgumentValidationError/);
  });

  await t.test("validators: partial, literals, deprecated, doc and typedV", async () => {
    const [lamp] = await http.query(api.checked.ofKind, { kind: "lamp" });
    assert.equal(lamp.price, 5);
    assert.deepEqual(await http.query(api.checked.ofKind, { kind: "chair" }), []);
    await assert.rejects(http.query(api.checked.ofKind, { kind: "table" }), /ArgumentValidationError/);
    const patched = await http.mutation(api.checked.patchGadget, { id: lamp._id, patch: { color: "red" } });
    assert.deepEqual(patched, { ...lamp, color: "red" });
    await assert.rejects(http.mutation(api.checked.patchGadget, { id: lamp._id, patch: { price: "5" } }), /ArgumentValidationError/);
    await assert.rejects(http.mutation(api.checked.patchGadget, { id: lamp._id, patch: { size: 1 } }), /ArgumentValidationError/);
    await assert.rejects(http.query(api.checked.notADoc, { id: lamp._id }), /ReturnsValidationError.*_creationTime/s);
    assert.match(await http.mutation(api.checked.withLegacy, { legacy: { any: ["thing"] } }), /^[0-9a-z]{31,37}$/);

    const value = (id) => ({ value: { id, count: 1 } });
    assert.deepEqual(await http.query(api.checked.validated, value(lamp._id)), { failure: null, parsed: { id: lamp._id, count: 1 } });
    assert.match((await http.query(api.checked.validated, value("nonsense"))).failure, /Validator error/);
    assert.match((await http.query(api.checked.validated, { value: { id: lamp._id, count: "1" } })).failure, /Expected `(number|float64)`/);
  });

  await t.test("sessions: state of a client that is nobody", async () => {
    await http.mutation(api.visits.visit, { sessionId: "s1", page: "/" });
    await http.mutation(api.visits.visit, { sessionId: "s1", page: "/about" });
    await http.mutation(api.visits.visit, { sessionId: "s2", page: "/help" });
    assert.deepEqual(await http.query(api.visits.pages, { sessionId: "s1" }), ["/", "/about"]);
    assert.deepEqual(await http.query(api.visits.pages, { sessionId: "s2" }), ["/help"]);
    assert.deepEqual(await http.query(api.visits.pages, { sessionId: "s3" }), []);
    await assert.rejects(http.query(api.visits.pages, {}), /ArgumentValidationError.*sessionId/s);
  });

  await t.test("rate limits in a table: spent, refused with a time, reset", async () => {
    const spend = (args) => http.mutation(api.visits.spend, args);
    const bucket = { name: "bucket", key: "ada" };
    for (let i = 0; i < 3; i++) assert.equal((await spend(bucket)).ok, true);
    assert.equal(await http.query(api.visits.check, bucket), false);
    const start = Date.now();
    const { ok, retryAt } = await spend(bucket);
    assert.equal(ok, false);
    assert.ok(retryAt > start && retryAt <= Date.now() + 1_200_000, `a token comes every 20 minutes: ${retryAt - start}`);
    assert.equal((await spend({ ...bucket, key: "ben" })).ok, true, "keys do not share");
    const thrown = await spend({ ...bucket, throws: true }).catch((error) => error);
    assert.deepEqual(thrown.data, { kind: "RateLimited", name: "bucket", retryAt: thrown.data.retryAt });
    await assert.rejects(spend({ ...bucket, count: 4 }), /count 4 exceeds 3/);
    await http.mutation(api.visits.reset, bucket);
    assert.equal((await spend({ ...bucket, count: 3 })).ok, true);

    // Ten at once from one window of two: exactly two get through.
    const answers = await Promise.all(Array.from({ length: 10 }, () => spend({ name: "window" })));
    assert.equal(answers.filter((answer) => answer.ok).length, 2);
  });

  await t.test("CRUD for clients, and CRUD that is internal", async () => {
    const cleo = await http.mutation(api.users.create, { name: "Cleo", role: "member" });
    assert.equal(cleo.name, "Cleo");
    assert.deepEqual(await http.query(api.users.read, { id: cleo._id }), cleo);
    await http.mutation(api.users.update, { id: cleo._id, patch: { role: "admin" } });
    assert.equal((await http.query(api.users.read, { id: cleo._id })).role, "admin");
    assert.deepEqual(items(await pagesOf(http, api.users.paginate, {}, 1)).map((user) => user.name), ["Ada", "Ben", "Cleo"]);
    await assert.rejects(http.mutation(api.users.create, { name: "Dan" }), /ArgumentValidationError/);
    await assert.rejects(http.mutation(api.users.update, { id: cleo._id, patch: { role: "owner" } }), /ArgumentValidationError/);
    assert.deepEqual(await http.mutation(api.users.destroy, { id: cleo._id }), { ...cleo, role: "admin" });
    assert.equal(await http.query(api.users.read, { id: cleo._id }), null);
    assert.equal(await http.mutation(api.users.destroy, { id: cleo._id }), null);

    await assert.rejects(http.mutation(api.internals.create, { name: "x" }), /Could not find public function for 'internals:create'/);
    const created = await project.convex(server, ["run", "internals:create", '{"name":"x"}']);
    assert.equal(created.code, 0, created.stderr);
    assert.equal(JSON.parse(created.stdout).name, "x");
  });
});

test("an application made of convex-ents", async (t) => {
  const { http } = await application(t, "ents");
  const person = (name) => http.mutation(api.people.add, { name, email: `${name}@x.example` });
  const [ada, ben, cleo] = [await person("ada"), await person("ben"), await person("cleo")];

  await t.test("unique fields hold for inserts, patches and replacements, also at once", async () => {
    await assert.rejects(http.mutation(api.people.add, { name: "other", email: "ada@x.example" }), /cannot create a duplicate document with field "email"/);
    await assert.rejects(http.mutation(api.people.addTwo, { email: "ben@x.example" }), /duplicate document/);
    assert.equal(await http.query(api.people.byEmail, { email: "first-ben@x.example" }), null, "the first of the two is undone");
    for (const whole of [false, true]) {
      const change = (email) => http.mutation(api.people.change, { id: ada, name: "Ada", email, whole });
      await assert.rejects(change("ben@x.example"), /duplicate document/);
      assert.equal((await change("ada@x.example")).name, "Ada", "one's own value is no duplicate");
    }
    const same = Array.from({ length: 8 }, (_, index) => http.mutation(api.people.add, { name: `racer${index}`, email: "race@x.example" }));
    const settled = await Promise.allSettled(same);
    assert.equal(settled.filter((one) => one.status === "fulfilled").length, 1, "one of eight at once");
    await http.mutation(api.people.remove, { id: settled.find((one) => one.status === "fulfilled").value });
    assert.equal(await http.query(api.people.byEmail, { email: "ben@x.example", must: true }), "ben");
    await assert.rejects(http.query(api.people.byEmail, { email: "none@x.example", must: true }), /Table "users" does not contain document with field "email"/);
    assert.deepEqual(await http.query(api.people.names, {}), ["Ada", "ben", "cleo"]);
  });

  await t.test("1:1 edges", async () => {
    const profile = await http.mutation(api.people.setProfile, { userId: ada, bio: "engines" });
    assert.equal(await http.query(api.people.profile, { id: ada }), "engines");
    assert.equal(await http.query(api.people.userOfProfile, { id: profile }), "Ada");
    assert.equal(await http.query(api.people.profile, { id: ben }), null);
    await assert.rejects(http.query(api.people.profile, { id: ben, must: true }), /Edge "profile" does not exist for document/);
    await assert.rejects(http.mutation(api.people.setProfile, { userId: ada, bio: "second" }), /cannot create a duplicate 1:1 edge "user"/);
    await assert.rejects(http.mutation(api.people.setProfileFromUser, { id: ben, profile }), /Cannot set 1:1 edge "profile"/);
    await assert.rejects(http.mutation(api.people.setProfile, { userId: profile, bio: "x" }), /ArgumentValidationError/);
  });

  await t.test("many to many among users, symmetric and not", async () => {
    await http.mutation(api.people.connect, { id: ada, friends: [ben], followees: [ben, cleo] });
    await http.mutation(api.people.connect, { id: cleo, friends: [ada], followees: [ben] });
    const of = (id) => http.query(api.people.connections, { id });
    assert.deepEqual(await of(ada), { friends: ["ben", "cleo"], followees: ["ben", "cleo"], followers: [] });
    assert.deepEqual(await of(ben), { friends: ["Ada"], followees: [], followers: ["Ada", "cleo"] });
    assert.deepEqual(await of(cleo), { friends: ["Ada"], followees: ["ben"], followers: ["Ada"] });
    assert.equal(await http.query(api.people.follows, { id: ada, other: ben }), true);
    assert.equal(await http.query(api.people.follows, { id: ben, other: ada }), false);
    await http.mutation(api.people.disconnect, { id: ben, friends: [ada] });
    await http.mutation(api.people.disconnect, { id: ada, followees: [ben] });
    assert.deepEqual(await of(ada), { friends: ["cleo"], followees: ["cleo"], followers: [] });
    assert.deepEqual(await of(ben), { friends: [], followees: [], followers: ["cleo"] });
  });

  let tags;
  await t.test("1:many and many:many edges, defaults and indexes", async () => {
    tags = await http.mutation(api.posts.addTags, { names: ["red", "green", "blue"] });
    await assert.rejects(http.mutation(api.posts.addTags, { names: ["pink", "red"] }), /duplicate document with field "name"/);
    const post = (title, userId, rank, more) => http.mutation(api.posts.add, { title, userId, rank, ...more });
    const one = await post("one", ada, 1, { tags: [tags[0], tags[1]], comments: ["c1", "c2"] });
    const two = await post("two", ada, 5, { tags: [tags[1]] });
    await post("three", ben, 3, { comments: ["c3"] });
    await post("four", ada, 4);
    assert.deepEqual(await http.query(api.posts.show, { id: one }), {
      title: "one",
      views: 0,
      by: "Ada",
      tags: ["green", "red"],
      comments: ["c1", "c2"],
    });
    assert.deepEqual(await http.query(api.posts.ofTag, { name: "green" }), ["one", "two"]);
    assert.deepEqual(await http.query(api.posts.ofUser, { userId: ada }), {
      all: ["one:2", "two:0", "four:0"],
      newest: "four",
      high: ["two", "four"],
    });
    const pages = await pagesOf(http, api.posts.ranked, { from: 2 }, 2);
    assert.deepEqual(items(pages), ["two", "four", "three"]);

    await http.mutation(api.posts.retag, { id: one, add: [tags[2]], remove: [tags[0]] });
    assert.deepEqual((await http.query(api.posts.show, { id: one })).tags, ["blue", "green"]);
    assert.deepEqual(await http.query(api.posts.ofTag, { name: "red" }), []);
    await http.mutation(api.posts.replace, { id: two, userId: ben, title: "2", rank: 2, views: 9, tags: [tags[0], tags[1]] });
    assert.deepEqual(await http.query(api.posts.show, { id: two }), { title: "2", views: 9, by: "ben", tags: ["green", "red"], comments: [] });
    await assert.rejects(post("bad", tags[0], 1), /ArgumentValidationError/);
  });

  await t.test("rules: what is not allowed is not read and not written", async () => {
    const secret = (viewer, userId, text, sealed = false) => http.mutation(api.secrets.add, { viewer, userId, text, sealed });
    const a1 = await secret(ada, ada, "a1");
    const a2 = await secret(ada, ada, "a2", true);
    const b1 = await secret(ben, ben, "b1");
    const list = (viewer) => http.query(api.secrets.list, { viewer });
    assert.deepEqual(await list(ada), { all: ["a1", "a2"], first: "a1", taken: ["a2", "a1"] });
    assert.deepEqual(await list(ben), { all: ["b1"], first: "b1", taken: ["b1"] });
    assert.deepEqual(await list(cleo), { all: [], first: null, taken: [] });
    assert.equal(await http.query(api.secrets.get, { viewer: ben, id: a1, must: false }), null);
    await assert.rejects(http.query(api.secrets.get, { viewer: ben, id: a1, must: true }), /Document cannot be read with id/);
    await assert.rejects(http.query(api.secrets.get, { id: a1, must: true }), /Document cannot be read with id/);

    await assert.rejects(secret(ada, ben, "forged"), /Cannot insert into table "secrets"/);
    const edit = (viewer, id, patch) => http.mutation(api.secrets.edit, { viewer, id, ...patch });
    await assert.rejects(edit(ada, b1, { text: "stolen" }), /Cannot update document with ID/);
    await assert.rejects(edit(ada, a1, { userId: ben }), /Cannot update document with ID/);
    await assert.rejects(edit(ada, a2, { sealed: false }), /Cannot update document with ID/);
    await edit(ada, a1, { text: "a1!" });
    await assert.rejects(http.mutation(api.secrets.remove, { viewer: ada, id: a2 }), /Cannot delete from table "secrets"/);
    await http.mutation(api.secrets.remove, { viewer: ben, id: b1 });
    assert.deepEqual((await list(ada)).all, ["a1!", "a2"]);
    assert.deepEqual((await list(ben)).all, []);
  });

  await t.test("deletion cascades over edges and leaves the rest", async () => {
    const counts = () => http.query(api.posts.counts, {});
    assert.deepEqual(await counts(), {
      users: 3,
      profiles: 1,
      posts: 4,
      comments: 3,
      tags: 3,
      posts_to_tags: 4,
      // A symmetric edge is a row each way.
      users_friends: 2,
      users_followers_to_followees: 2,
    });
    await http.mutation(api.people.remove, { id: ada });
    assert.deepEqual(await counts(), {
      users: 2,
      profiles: 0,
      posts: 2,
      comments: 1,
      tags: 3,
      posts_to_tags: 2,
      users_friends: 0,
      users_followers_to_followees: 1,
    });
    assert.deepEqual(await http.query(api.people.names, {}), ["ben", "cleo"]);
    assert.deepEqual(await http.query(api.posts.ofTag, { name: "green" }), ["2"]);
    const start = Date.now();
    const draft = await http.mutation(api.posts.addAndDeleteDraft, {});
    assert.equal(draft.before, null);
    assert.ok(draft.after >= start && draft.after <= Date.now(), `deleted softly at ${draft.after}`);

    await http.mutation(api.people.remove, { id: ada }); // The library takes what is gone as deleted.
    await http.mutation(api.people.add, { name: "again", email: "ada@x.example" });
    assert.equal(await http.query(api.people.byEmail, { email: "ada@x.example" }), "again", "the address is free again");
  });

  await t.test("scheduled deletion: marked at once, gone later with what hangs on it", async () => {
    const left = () => http.query(api.notices.left, {});
    const old = await http.mutation(api.notices.add, { text: "old", replies: ["r1", "r2"] });
    await http.mutation(api.notices.add, { text: "new", replies: ["r3"] });
    await http.mutation(api.notices.remove, { id: old });
    assert.deepEqual(await left(), { notices: [["old", true], ["new", false]], replies: ["r1", "r2", "r3"] });
    const gone = async () => (await left()).notices.length === 1;
    await until(gone, { what: "the deletion" });
    assert.deepEqual(await left(), { notices: [["new", false]], replies: ["r3"] });
  });
});

/** Forty tables with 110 indexes: two each, and a third for the first thirty. */
function generatedTables() {
  return Array.from({ length: 40 }, (_, number) => {
    const indexes = { by_group: ["group"], by_group_rank: ["group", "rank"] };
    if (number < 30) indexes.by_name = ["detail.name", "rank"];
    return { name: `table${number}`, indexes };
  });
}

/** The generated tables as `schema.ts`. */
function generatedSchema(tables) {
  const lines = tables.map(({ name, indexes }) => {
    const index = Object.entries(indexes).map(([index, fields]) => `.index("${index}", ${JSON.stringify(fields)})`);
    return `  ${name}: defineTable(fields)${index.join("")},`;
  });
  return `import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
const fields = { group: v.string(), rank: v.number(), detail: v.object({ name: v.string() }) };
export default defineSchema({
${lines.join("\n")}
});
`;
}

/** What the CLI prints of indexes under a heading: sorted, a line an index. */
function printedIndexes(stderr, sign) {
  return [...stderr.matchAll(/^ *\[([+-])\] (\S+) +(.*?) *$/gm)]
    .filter((match) => match[1] === sign)
    .map((match) => `${match[2]} ${match[3]}`)
    .sort();
}

const listed = (tables) =>
  tables.flatMap(({ name, indexes }) => Object.entries(indexes).map(([index, fields]) => `${name}.${index} ${fields.join(", ")}`)).sort();

test("a generated schema of 40 tables and 110 indexes, pushed and changed, and its pages", async (t) => {
  const before = generatedTables();
  assert.equal(listed(before).length, 110);
  const server = await Server.start(t);
  const project = new Project(t, {
    "convex/schema.ts": generatedSchema(before),
    "convex/rows.ts": fs.readFileSync(path.join(here, "apps/generated/convex/rows.ts"), "utf8"),
  });
  const push = async (...more) => {
    const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable", ...more]);
    assert.equal(pushed.code, 0, pushed.stderr);
    return pushed.stderr;
  };
  const http = new ConvexHttpClient(server.url);
  const probe = (tables) => http.query(api.rows.probe, { tables });

  await t.test("the first push adds every index, and each is usable", async () => {
    const printed = await push();
    assert.match(printed, /Added table indexes/);
    assert.deepEqual(printedIndexes(printed, "+"), listed(before));
    assert.deepEqual(printedIndexes(printed, "-"), []);
    await http.mutation(api.rows.one, { tables: before.map((table) => table.name) });
    assert.equal(await probe(before), 110);
  });

  const count = 2000;
  await t.test("2,000 documents by offset and by cursor are the same documents", async () => {
    for (let from = 0; from < count; from += 500) await http.mutation(api.rows.fill, { table: "table0", from, count: 500 });
    // Every group has 200 rows, whose ranks were given in no order; `one` made one row of a group of its own.
    const expected = Array.from({ length: 10 }, (_, group) =>
      Array.from({ length: count / 10 }, (_, rank) => `g${group}:${rank}`),
    ).flat();
    assert.equal(await http.query(api.rows.total, {}), count);
    for (const order of ["asc", "desc"]) {
      const wanted = order === "asc" ? expected : expected.toReversed();
      const byCursor = await pagesOf(http, api.rows.byCursor, { order }, 150);
      assert.deepEqual(items(byCursor), wanted);
      assert.deepEqual(byCursor.map((page) => page.page.length), [...Array(13).fill(150), 50]);
      const size = 250;
      for (const reference of [api.rows.bySkipping, api.rows.byTaking]) {
        const pages = [];
        for (let offset = 0; offset < count; offset += size) pages.push(await http.query(reference, { offset, size, order }));
        assert.deepEqual(pages.flat(), wanted);
        assert.deepEqual(await http.query(reference, { offset: count - 1, size, order }), wanted.slice(-1));
        assert.deepEqual(await http.query(reference, { offset: count, size, order }), []);
      }
    }
    assert.deepEqual(await http.query(api.rows.byCounting, { page: 7, size: 30 }), { pages: 67, page: expected.slice(210, 240) });
    assert.deepEqual(await http.query(api.rows.byCounting, { page: 66, size: 30 }), { pages: 67, page: expected.slice(1980) });
  });

  await t.test("cursors stay where they are when rows come and go, and are of one query only", async () => {
    const first = await http.query(api.rows.ofGroup, { group: "g3", paginationOpts: { numItems: 50, cursor: null } });
    assert.equal(first.page.length, 50);
    const next = () => http.query(api.rows.ofGroup, { group: "g3", paginationOpts: { numItems: 3, cursor: first.continueCursor } });
    assert.deepEqual((await next()).page, ["g3:50", "g3:51", "g3:52"]);
    // Behind the cursor, at it, and in front of it.
    await http.mutation(api.rows.drop, { group: "g3", ranks: [10, 49, 51] });
    await http.mutation(api.rows.insert, { group: "g3", ranks: [9.5, 50.5] });
    assert.deepEqual((await next()).page, ["g3:50", "g3:50.5", "g3:52"]);
    const whole = { numItems: 1, cursor: null, endCursor: first.continueCursor };
    const again = await http.query(api.rows.ofGroup, { group: "g3", paginationOpts: whole });
    assert.deepEqual([again.page.length, again.page.at(-1)], [49, "g3:48"]);

    const strange = await http.query(api.rows.byCursor, { order: "asc", paginationOpts: { numItems: 3, cursor: first.continueCursor } }).catch((error) => error);
    assert.equal(strange.data?.paginationError, "InvalidCursor", strange.message);
    await assert.rejects(http.query(api.rows.ofGroup, { group: "g3", paginationOpts: { numItems: 3, cursor: "nonsense" } }), /cursor/);
    // Undone, so that what follows finds 2,000 rows in order again.
    await http.mutation(api.rows.drop, { group: "g3", ranks: [9.5, 50.5] });
    await http.mutation(api.rows.insert, { group: "g3", ranks: [10, 49, 51] });
  });

  // Six indexes get other fields, two go and two come: ten of the 110.
  const after = generatedTables();
  for (const table of after.slice(0, 6)) table.indexes.by_group_rank = ["group", "detail.name", "rank"];
  for (const table of after.slice(6, 8)) delete table.indexes.by_name;
  for (const table of after.slice(38)) table.indexes.by_rank = ["rank"];
  const [old, current] = [listed(before), listed(after)];
  const gone = old.filter((index) => !current.includes(index));
  const come = current.filter((index) => !old.includes(index));

  await t.test("ten indexes changed: the CLI prints exactly those, and old rows are in the new ones", async () => {
    assert.deepEqual([gone.length, come.length], [8, 8]);
    project.write({ "convex/schema.ts": generatedSchema(after) });
    const dry = await project.convex(server, ["deploy", "--dry-run", "--typecheck", "disable"]);
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stderr, /would/i);
    assert.deepEqual(printedIndexes(dry.stderr, "-"), gone);
    assert.deepEqual(printedIndexes(dry.stderr, "+"), come);
    assert.equal(await probe(before), 110, "a dry run changes nothing");

    const printed = await push();
    assert.deepEqual(printedIndexes(printed, "-"), gone);
    assert.deepEqual(printedIndexes(printed, "+"), come);
    assert.equal(await probe(after), 110);
    await assert.rejects(probe([before[6]]), /table6\.by_name/);
    // The changed index sorts by name within a group, and the names run against the ranks.
    const pages = await pagesOf(http, api.rows.ofGroup, { group: "g3" }, 64);
    assert.deepEqual(items(pages), Array.from({ length: 200 }, (_, rank) => `g3:${199 - rank}`));
  });

  await t.test("a push that changes no index prints none", async () => {
    const printed = await push();
    assert.deepEqual([...printedIndexes(printed, "-"), ...printedIndexes(printed, "+")], []);
    project.write({ "convex/schema.ts": generatedSchema(before) });
    const back = await push();
    assert.deepEqual([printedIndexes(back, "-"), printedIndexes(back, "+")], [come, gone], "and back again");
    assert.deepEqual(items(await pagesOf(http, api.rows.byCursor, { order: "asc" }, 1000)).length, count);
  });
});
