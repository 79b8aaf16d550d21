// Hostile functions that never end, each in another way: the deadline has to end every one.
// A row is a title, the body of the function, and what must come of it (`./corpus.mjs`).

const TIMEOUT = /^Function execution timed out/;
const endless = (title, body) => [title, body, TIMEOUT];

/** A module whose export `f` does not end. */
const ENDLESS_WASM =
  "new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,9,1,7,0,3,64,12,0,11,11])";

export const loops = [
  endless("for (;;)", "for (;;) {}"),
  endless("while with a catch", "for (;;) try { throw 1; } catch { continue; } finally { continue; }"),
  endless("microtasks", "for (;;) await null;"),
  endless("microtasks that queue themselves", "const again = () => queueMicrotask(again); again(); await new Promise(() => {});"),
  endless("promises that chain", "const next = () => Promise.resolve().then(next); await next();"),
  endless("a thenable of itself", "const it = { then(done) { done(it); } }; await it;"),
  endless("an async generator", "async function* g() { for (;;) yield 1; } for await (const _ of g());"),
  endless("a generator", "function* g() { for (;;) yield 1; } for (const _ of g());"),
  endless("spreading an iterator", "Math.max(0, [...{ [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 0 }), }) }].length);"),
  endless("a regular expression", `/^(a+)+$/.test("a".repeat(50) + "b");`),
  endless("a regular expression of the second kind", `/(x+x+)+y/.exec("x".repeat(60));`),
  endless("a comparator", "Array.from({ length: 10 }, (_, i) => i).sort(() => { for (;;); });"),
  endless("a getter", "({ get a() { for (;;); } }).a;"),
  endless("a setter", "({ set a(_) { for (;;); } }).a = 1;"),
  endless("a trap of a proxy", "new Proxy({}, { get() { for (;;); } }).a;"),
  endless("ownKeys of a proxy", "Object.keys(new Proxy({}, { ownKeys() { for (;;); } }));"),
  endless("has of a proxy", `"a" in new Proxy({}, { has() { for (;;); } });`),
  endless("getPrototypeOf of a proxy", "new Proxy({}, { getPrototypeOf() { for (;;); } }) instanceof Object;"),
  endless("a reviver", `JSON.parse("[1]", () => { for (;;); });`),
  endless("a replacer", "JSON.stringify([1], () => { for (;;); });"),
  endless("toJSON", "JSON.stringify({ toJSON() { for (;;); } });"),
  endless("toString", "`${{ toString() { for (;;); } }}`;"),
  endless("valueOf", "+{ valueOf() { for (;;); } };"),
  endless("Symbol.toPrimitive", "`${{ [Symbol.toPrimitive]() { for (;;); } }}`;"),
  endless("Symbol.hasInstance", "({}) instanceof { [Symbol.hasInstance]() { for (;;); } };"),
  endless("Symbol.species", "class A extends Array { static get [Symbol.species]() { for (;;); } } new A(1).map(() => 1);"),
  endless("a callback of replace", `"a".replace(/a/, () => { for (;;); });`),
  endless("a static block", "class A { static { for (;;); } }"),
  endless("a default argument", "((a = (() => { for (;;); })()) => a)();"),
  endless("a tagged template", "(() => { for (;;); })`x`;"),
  endless("large numbers", "let n = 3n; for (;;) n = (n * n) % (1n << 20000n) + 3n;"),
  endless("one power", "(3n ** 3000000n).toString().length;"),
  endless("WebAssembly", `new WebAssembly.Instance(new WebAssembly.Module(${ENDLESS_WASM})).exports.f();`),
  endless("a getter of the result", "return { get a() { for (;;); } };"),
  endless("a proxy as the result", "return new Proxy({}, { ownKeys() { for (;;); } });"),
  endless("the text of what is thrown", "throw { toString() { for (;;); } };"),
  endless("the message of what is thrown", "throw Object.defineProperty(new Error(), 'message', { get() { for (;;); } });"),
  endless("the data of what is thrown", "throw { get ConvexErrorSymbol() { for (;;); } };"),
  endless("the stack of what is thrown", "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x');"),
  endless("the trap of what is thrown", "throw new Proxy({}, { get() { for (;;); }, getPrototypeOf() { for (;;); } });"),
  endless("what is logged", "console.log({ get a() { for (;;); }, toString() { for (;;); }, toJSON() { for (;;); } }, new Proxy({}, { ownKeys() { for (;;); }, get() { for (;;); } })); for (;;);"),
  ["syscalls", "for (;;) await ctx.db.query('things').first();", /TooManyReads|[Tt]oo many|timed out/],
  endless("operations refused", "for (;;) try { Convex.syscall('x', '{}'); } catch {}"),
  endless("structured clones", "for (;;) structuredClone({ a: [1, 2, 3] });"),
  endless("digests", "for (;;) await crypto.subtle.digest('SHA-256', new Uint8Array(1000));"),
  endless("URLs", "for (;;) new URL('http://a/b?c');"),
  endless("Array.from of what is long", "Array.from({ length: 2 ** 32 - 2 }, () => { });"),
  endless("indexOf in what is long", "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);"),
  endless("a loop in finally", "try { return 1; } finally { for (;;); }"),
  endless("a loop after the result is known", "Promise.resolve().then(() => { for (;;); }); return 1;"),
  endless("a nested loop of promises", "const f = async () => { await f2(); }; const f2 = async () => { for (;;) await Promise.all([1, 2, 3]); }; await f();"),
];

const BLOCKED = /timed out/;
/** In actions, which share a process. */
export const blocking = [
  ["an action that does not let go", "for (;;) {}", BLOCKED],
  ["microtasks of an action", "for (;;) await null;", BLOCKED],
  ["a regular expression of an action", `/^(a+)+$/.test("a".repeat(50) + "b");`, BLOCKED],
  ["timers of nothing, for ever", "for (;;) await new Promise((done) => setTimeout(done, 0));", BLOCKED],
  ["a promise of an action that never resolves", "await new Promise(() => {});", /never resolve|timed out/],
  ["an interval that is never cleared", "setInterval(() => {}, 1); await new Promise(() => {});", BLOCKED],
];
