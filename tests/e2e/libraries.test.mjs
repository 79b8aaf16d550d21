// Libraries from npm as people use them in the default runtime, pushed by the stock CLI. What they
// ask of others is answered by servers of the test.

import assert from "node:assert/strict";
import { createHash, createHmac, generateKeyPairSync } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { ConvexHttpClient } from "convex/browser";
import { anyApi as api } from "convex/server";

import { fake, openaiRoutes, stripeRoutes } from "./fakes.mjs";
import { Project, Server, here } from "./harness.mjs";

/** A server with modules of the application; its types are right, and checking them takes too long here. */
async function application(t, ...modules) {
  const files = modules.map((name) => {
    const file = path.join(here, "apps/libraries/convex", `${name}.ts`);
    return [`convex/${name}.ts`, fs.readFileSync(file, "utf8")];
  });
  const server = await Server.start(t);
  const project = new Project(t, Object.fromEntries(files));
  const pushed = await project.convex(server, ["dev", "--once", "--typecheck", "disable"]);
  assert.equal(pushed.code, 0, pushed.stderr);
  return new ConvexHttpClient(server.url);
}

const pem = (alg) => {
  const [type, options] = { RS256: ["rsa", { modulusLength: 2048 }], ES256: ["ec", { namedCurve: "P-256" }] }[alg];
  const { publicKey, privateKey } = generateKeyPairSync(type, options);
  return {
    publicKey,
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }),
    publicPem: publicKey.export({ type: "spki", format: "pem" }),
  };
};

test("jose: tokens signed, verified and refused, in every kind of function", async (t) => {
  const http = await application(t, "tokens");
  const ada = { subject: "ada", role: "admin" };
  const rsa = pem("RS256");
  const ec = pem("ES256");
  const cases = [["HS256", undefined, undefined], ["RS256", rsa.privatePem, rsa.publicPem], ["ES256", ec.privatePem, ec.publicPem]];
  for (const [alg, privatePem, publicPem] of cases) {
    const jwt = await http.action(api.tokens.sign, { alg, pem: privatePem });
    assert.deepEqual(await http.query(api.tokens.verify, { jwt, alg, pem: publicPem }), ada, alg);
    assert.deepEqual(await http.action(api.tokens.verifyInAction, { jwt, alg, pem: publicPem }), ada, alg);
    const [header, , signature] = jwt.split(".");
    const claims = Buffer.from(JSON.stringify({ sub: "eve", iss: "https://libraries.example" })).toString("base64url");
    const forged = await http.query(api.tokens.verify, { jwt: `${header}.${claims}.${signature}`, alg, pem: publicPem });
    assert.deepEqual(forged, { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED", isJose: true }, alg);
  }
  for (const [alg, privatePem, publicPem] of cases.slice(0, 2)) {
    const jwt = await http.mutation(api.tokens.signInMutation, { alg, pem: privatePem });
    assert.deepEqual(await http.query(api.tokens.verify, { jwt, alg, pem: publicPem }), ada, alg);
  }
  const own = await http.action(api.tokens.ownKeys, {});
  const expected = { RS256: "RSA", PS256: "RSA", ES256: "EC", ES384: "EC", EdDSA: "OKP" };
  assert.deepEqual(own, Object.fromEntries(Object.entries(expected).map(([alg, kty]) => [alg, ["ada", alg, kty]])));
  assert.equal(await http.action(api.tokens.encrypted, {}), 42);

  const keys = [["first", rsa, "RS256"], ["second", ec, "ES256"]];
  const published = keys.map(([kid, { publicKey }, alg]) => ({ ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" }));
  const { url, seen } = await fake(t, { "/jwks.json": () => ({ json: { keys: published } }) });
  const tokens = [];
  for (const [kid, { privatePem }, alg] of keys) tokens.push(await http.action(api.tokens.sign, { alg, pem: privatePem, kid }));
  tokens.push(await http.action(api.tokens.sign, { alg: "RS256", pem: pem("RS256").privatePem, kid: "first" }));
  tokens.push(await http.action(api.tokens.sign, { alg: "RS256", pem: rsa.privatePem, kid: "third" }));
  assert.deepEqual(await http.action(api.tokens.verifyRemote, { jwks: `${url}/jwks.json`, tokens }), [
    "first", "second", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED", "ERR_JWKS_NO_MATCHING_KEY",
  ]);
  assert.equal(seen.length, 1, "keys are fetched once");
});

test("svix: signatures of webhooks", async (t) => {
  const http = await application(t, "tokens");
  const secret = `whsec_${Buffer.from("a key of a webhook, 24 b").toString("base64")}`;
  const [id, payload] = ["msg_1", '{"type":"invoice.paid","n":1}'];
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Buffer.from(secret.slice(6), "base64");
  const signature = `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${payload}`).digest("base64")}`;
  const headers = { "svix-id": id, "svix-timestamp": timestamp, "svix-signature": signature };
  const own = await http.action(api.tokens.signWebhook, { secret, id, payload });
  const theirs = { "svix-id": id, "svix-timestamp": own.timestamp, "svix-signature": own.signature };
  for (const run of [(args) => http.action(api.tokens.webhook, args), (args) => http.mutation(api.tokens.webhookInMutation, args)]) {
    assert.deepEqual(await run({ secret, payload, headers }), { event: { type: "invoice.paid", n: 1 } });
    assert.deepEqual(await run({ secret, payload, headers: theirs }), { event: { type: "invoice.paid", n: 1 } });
    const forged = await run({ secret, payload: `${payload} `, headers });
    assert.deepEqual(forged, { refused: "No matching signature found", isTheirs: true });
    const old = await run({ secret, payload, headers: { ...headers, "svix-timestamp": "1000000000" } });
    assert.deepEqual(old, { refused: "Message timestamp too old", isTheirs: true });
  }
});

test("oslo: codes, tokens, cookies and signatures in every kind of function, and signing in at a provider", async (t) => {
  const http = await application(t, "sessions");
  assert.deepEqual(await http.query(api.sessions.fixed, {}), {
    // RFC 4226, appendix D.
    hotp: ["755224", "287082", "520489"],
    sha1: createHash("sha1").update("abc").digest("hex"),
    sha512: createHash("sha512").update("abc").digest("hex").slice(0, 16),
    hmac: createHmac("sha256", "12345678901234567890").update("abc").digest("base64url") + "=",
    hex: [0, 255, 16],
    base32: ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "12345"],
    uri: "otpauth://totp/Lentil:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Lentil",
    span: 1_209_600,
    origins: [true, false, false],
    cookies: [["a", "1"], ["session", "x y"]],
  });
  assert.deepEqual(await http.mutation(api.sessions.session, {}), {
    cookie: "session=x%20y; HttpOnly; Max-Age=2592000; Path=/; SameSite=Lax; Secure", blank: 0,
    subject: "ada", role: "admin", forged: "Invalid signature", expired: "Expired JWT", algorithm: "HS256",
    within: [true, false],
  });
  assert.deepEqual(await http.action(api.sessions.totp, {}), { digits: true, verified: true, wrong: false });
  const { id, ...made } = await http.action(api.sessions.made, {});
  assert.match(id, /^[a-z0-9]{24}$/);
  assert.deepEqual(made, { signed: [[true, false], [true, false]], subject: "ada", between: true });

  const { url, seen } = await fake(t, {
    "/token": ({ body }) =>
      new URLSearchParams(body).get("code") === "good"
        ? { json: { access_token: "token 1" } }
        : { status: 400, json: { error: "invalid_grant", error_description: "used up" } },
  });
  const { asked, codeVerifier, token } = await http.action(api.sessions.signIn, { url, code: "good" });
  const challenge = createHash("sha256").update(codeVerifier).digest("base64url");
  assert.deepEqual([asked, token], [{ scope: "email name", method: "S256", challenge }, "token 1"]);
  assert.equal(seen[0].headers.authorization, `Basic ${Buffer.from("lentil:secret").toString("base64")}`);
  assert.equal(new URLSearchParams(seen[0].body).get("code_verifier"), codeVerifier);
  assert.deepEqual(await http.action(api.sessions.signIn, { url, code: "bad" }), { refused: "invalid_grant", description: "used up" });
});

test("zod: values, issues, JSON schemas, asynchronous checks", async (t) => {
  const http = await application(t, "tools");
  const order = {
    id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", email: "ada@example.com", quantity: "12", at: "2024-02-29T12:00:00Z",
    kind: { type: "delivery", street: " Main " }, url: "https://example.com/a?b",
  };
  assert.deepEqual(await http.query(api.tools.order, { value: order }), {
    order: { ...order, quantity: 12, tags: [], at: Date.UTC(2024, 1, 29, 12), kind: { type: "delivery", street: "Main" } },
  });
  const wrong = await http.query(api.tools.order, { value: { ...order, id: "7", email: "ada", quantity: -1, kind: { type: "fax" }, url: "x" } });
  assert.equal(wrong.isTheirs, true);
  assert.deepEqual(wrong.issues.map(([at, code]) => `${at} ${code}`), [
    "id invalid_format", "email invalid_format", "url invalid_format", "quantity too_small", "kind.type invalid_union",
  ]);
  const heavy = await http.query(api.tools.order, { value: { ...order, kind: { type: "pickup" } } });
  assert.deepEqual(heavy.issues, [["", "custom", "too much to carry"]]);
  const schema = JSON.parse(await http.query(api.tools.orderSchema, {}));
  assert.deepEqual([schema.type, schema.properties.n.type, schema.required], ["object", "integer", ["n", "s"]]);
  assert.equal(await http.action(api.tools.asyncRefinement, { name: "free" }), true);
  assert.equal(await http.action(api.tools.asyncRefinement, { name: "taken" }), false);
});

test("uuid and nanoid: ids of every version, never twice", async (t) => {
  const http = await application(t, "tools");
  const one = await http.mutation(api.tools.ids, {});
  assert.deepEqual(one.versions, [1, 3, 4, 5, 7]);
  assert.equal(one.made.v3, "61799b1a-4e05-327a-aa50-31269546c7ff");
  assert.equal(one.made.v5, "595d250b-dfc5-5325-b582-881a7564a5a8");
  assert.deepEqual(one.nano.map((id) => id.length), [21, 10, 12]);
  assert.match(one.nano[2], /^[ab]{12}$/);
  assert.equal(one.distinct, 6);
  const two = await http.mutation(api.tools.ids, {});
  assert.notEqual(two.made.v4, one.made.v4);
  assert.notEqual(two.nano[0], one.nano[0]);
  const made = [...(await http.action(api.tools.idsInAction, {})), ...(await http.action(api.tools.idsInAction, {}))];
  assert.equal(new Set(made).size, 8);
});

test("date-fns: formats, languages, arithmetic", async (t) => {
  const http = await application(t, "tools");
  assert.deepEqual(await http.query(api.tools.dates, { iso: "2024-01-31T09:30:00Z" }), {
    isDate: true,
    long: "Wednesday, 31st January 2024 09:30 +00:00",
    german: "Mittwoch, 31. Januar",
    month: "2024-02-29T09:30:00.000Z",
    week: 21,
    days: 30,
    ago: "3 months ago",
    parsed: Date.UTC(2024, 1, 29),
    invalid: true,
    recent: true,
  });
});

test("lodash: copies, groups, texts, and debouncing where there are timers", async (t) => {
  const http = await application(t, "tools");
  assert.deepEqual(await http.query(api.tools.shapes, {}), {
    equal: true,
    apart: true,
    kinds: [true, true, true, true, true],
    grouped: { 1: [1.2, 1.8], 2: [2.1] },
    merged: { a: { x: 1, y: [2] } },
    sorted: [3, 2, 1],
    words: ["someLongName", "Some Name", "deja", "ab..."],
    chained: [4, 6],
    sample: true,
  });
  assert.deepEqual(await http.action(api.tools.debounced, {}), [3, 4]);
});

test("bcryptjs: passwords at once in mutations and in steps in actions", async (t) => {
  const http = await application(t, "tools");
  const now = await http.mutation(api.tools.hashNow, { password: "p\u00e4ss" });
  assert.match(now.hash, /^\$2b\$04\$.{53}$/);
  assert.deepEqual([now.right, now.wrong], [true, false]);
  const later = await http.action(api.tools.hashLater, { password: "p\u00e4ss", hash: now.hash });
  assert.deepEqual(later, { theirs: true, own: true, rounds: 5 });
  const { hash } = await http.mutation(api.tools.hashNow, { password: "p\u00e4ss" });
  assert.notEqual(hash, now.hash, "every hash has a salt of its own");
});

test("effect: errors as values, schemas, retries, fibers", async (t) => {
  const http = await application(t, "effects");
  assert.equal(await http.query(api.effects.plain, { id: "ada" }), 37);
  assert.equal(await http.query(api.effects.plain, { id: "eve" }), "no eve");
  assert.deepEqual(await http.query(api.effects.decoded, { value: { name: "Ada", age: 36 } }), { person: { name: "Ada", age: 36 } });
  const { error } = await http.query(api.effects.decoded, { value: { name: "Ada", age: "36" } });
  assert.match(error, /age/);
  let asked = 0;
  const { url } = await fake(t, { "/": () => (++asked < 3 ? { status: 503, json: {} } : { json: { n: 1 } }) });
  assert.deepEqual(await http.action(api.effects.retried, { url }), { answer: { n: 1 }, attempts: 3 });
  const together = await http.action(api.effects.together, {});
  assert.deepEqual(together, { items: [30, 20, 10], late: "Failure", first: "first", quick: true });
});

test("openai: completions, streams, retries, time limits, uploads, errors", async (t) => {
  const http = await application(t, "services");
  const { url, seen } = await fake(t, openaiRoutes());
  const ask = (name) => http.action(api.services[name], { url });
  assert.deepEqual(await ask("completion"), { text: "Hello", tokens: 7 });
  assert.match(seen[0].headers["user-agent"], /OpenAI/);
  assert.deepEqual(await ask("streamed"), ["Hel", "lo ", "w\u00f6rld", " \u{1F600}"]);
  const whole = "Hello w\u00f6rld \u{1F600}";
  assert.deepEqual(await ask("collected"), { seen: whole, final: whole });
  assert.deepEqual(await ask("refused"), { known: true, status: 401, message: "401 Incorrect API key provided" });
  assert.equal(await ask("busy"), "Hello");
  assert.equal(seen.filter(({ body }) => body.includes('"busy"')).length, 3, "refused twice, then taken");
  assert.deepEqual(await ask("tooSlow"), { known: true, message: "Request timed out." });
  assert.equal(await ask("uploaded"), "lines.txt");
});

test("stripe: requests, lists, errors and webhooks through fetch", async (t) => {
  const http = await application(t, "services");
  const { url, seen } = await fake(t, stripeRoutes);
  const made = await http.action(api.services.customer, { url });
  assert.deepEqual(made, { id: "cus_1", email: "ada@example.com", plan: "gold", requestId: "req_1", names: ["cus_1", "cus_2", "cus_3"] });
  assert.equal(seen[0].headers.authorization, "Bearer sk_test_1");
  assert.equal(seen[0].headers["idempotency-key"], "once");
  assert.equal(seen[0].headers["content-type"], "application/x-www-form-urlencoded");
  assert.deepEqual(await http.action(api.services.declined, { url }), { known: true, code: "card_declined", status: 402 });
  const secret = "whsec_test";
  const payload = JSON.stringify({ id: "evt_1", object: "event", type: "invoice.paid", data: { object: {} } });
  const now = Math.floor(Date.now() / 1000);
  const signature = `t=${now},v1=${createHmac("sha256", secret).update(`${now}.${payload}`).digest("hex")}`;
  const event = await http.action(api.services.stripeEvent, { payload, signature, secret });
  assert.deepEqual(event, { type: "invoice.paid", forged: true });
});

test("ai: texts, streams, tools, objects, errors", async (t) => {
  const http = await application(t, "services");
  const { url, seen } = await fake(t, openaiRoutes());
  const ask = (name) => http.action(api.services[name], { url });
  assert.deepEqual(await ask("generated"), { text: "Hello", tokens: 7, finishReason: "stop" });
  assert.deepEqual(JSON.parse(seen[0].body).messages.map(({ role }) => role), ["system", "user"]);
  const parts = ["Hel", "lo ", "w\u00f6rld", " \u{1F600}"];
  assert.deepEqual(await ask("generatedStream"), { parts, text: parts.join(""), finishReason: "stop" });
  assert.deepEqual(await ask("withTool"), { text: "It says: sun in Rome", steps: 2, calls: [{ city: "Rome" }] });
  assert.deepEqual(await ask("generatedObject"), { city: "Rome", degrees: 31 });
  assert.deepEqual(await ask("generateFails"), { name: "AI_APICallError", status: 401, message: "Incorrect API key provided" });
});
