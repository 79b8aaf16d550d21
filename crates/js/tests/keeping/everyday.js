//# nothing but a handler
export const f = query(({ n }) => n);
//# constants
const LIMIT = 100, NAMES = ["a", "b"], TABLE = { a: 1, b: { c: 2 } }; export const f = query(({ n }) => [LIMIT, NAMES[n % 2], TABLE.b.c]);
//# a frozen table
const TABLE = Object.freeze({ a: 1 }); export const f = query(() => TABLE.a);
//# helpers
const double = (x) => x * 2; function add(a, b) { return a + b; } export const f = query(({ n }) => add(double(n), 1));
//# local collections
export const f = query(({ n }) => { const list = []; for (let i = 0; i < n; i++) list.push(i); const map = new Map(); list.forEach((x) => map.set(x, x)); const out = {}; for (const [k, v] of map) out[k] = v; list.sort(); return out; });
//# a local that inner functions change
export const f = query(({ n }) => { let sum = 0; [1, 2, n].forEach((x) => { sum += x; }); return sum; });
//# a local that an inner generator changes
export const f = query(({ n }) => { let sum = 0; const g = function* () { for (let i = 0; i < n; i++) { sum += i; yield i; } }; return [...g(), sum]; });
//# a local that the inner of an inner changes
export const f = query(async ({ n }) => { let sum = 0; await Promise.all([1, n].map(async (x) => { await null; const step = () => { sum += x; }; step(); })); return sum; });
//# the arguments changed
export const f = query((args) => { args.n += 1; args.more = { deep: [] }; args.more.deep.push(1); return args; });
//# a class with methods
class Point { constructor(x) { this.x = x; } plus(n) { this.x += n; return this; } } export const f = query(({ n }) => new Point(1).plus(n).x);
//# a class with private state
class Counter { #n = 0; up() { return ++this.#n; } } export const f = query(({ n }) => { const c = new Counter(); for (let i = 0; i < n; i++) c.up(); return c.up(); });
//# a class that extends one
class A { kind = "a"; constructor(n) { this.n = n; } } class B extends A { kind = "b"; list = [this.n]; constructor(n) { super(n); this.list.push(n); } } export const f = query(({ n }) => new B(n));
//# an error of one's own
class Mine extends Error { constructor(m) { super(m); this.name = "Mine"; this.extra = { m }; } } export const f = query(({ n }) => { try { throw new Mine(`${n}`); } catch (e) { return [e.name, e.extra.m, e instanceof Mine]; } });
//# a schema, as libraries build them
const type = (check) => ({ check, optional: () => type((v) => v === undefined || check(v)) }); const object = (shape) => { const keys = Object.keys(shape); const self = type((v) => keys.every((k) => shape[k].check(v[k]))); self.shape = shape; return self; }; const schema = object({ n: type((v) => typeof v === "number"), s: type((v) => typeof v === "string").optional() }); export const f = query((args) => schema.check(args));
//# a builder with a chain
class Builder { constructor() { this.parts = []; } add(p) { this.parts.push(p); return this; } build() { return this.parts.join(); } } export const f = query(({ n }) => new Builder().add(n).add(1).build());
//# regular expressions
const word = /a(b)?/; const all = /\d/g; export const f = query(({ n }) => [word.test("ab"), "1a2".match(all), "1a2".replace(all, "x"), all.test(`${n}1`)]);
//# a proxy for paths, as `anyApi` is
const api = (parts) => new Proxy({}, { get: (_, k) => (k === "path" ? parts.join("/") : api([...parts, k])) }); const root = api([]); export const f = query(() => root.a.b.path);
//# a table of functions
const handlers = { a: (n) => n + 1, b: (n) => n + 2 }; export const f = query(({ n }) => handlers.a(n) + handlers["b"](n));
//# a Map that is only read
const NAMES = new Map([["a", 1]]); const KNOWN = new Set([1]); export const f = query(() => [NAMES.get("a"), KNOWN.has(1), [...NAMES]]);
//# a typed array that is only read
const TABLE = new Uint8Array([1, 2, 3]); export const f = query(({ n }) => { const copy = TABLE.slice(); copy[0] = n; return [...copy, TABLE[1]]; });
//# a date that is only read
const EPOCH = new Date(0); export const f = query(() => EPOCH.toISOString());
//# time and chance
export const f = query(() => [Date.now(), new Date().getTime(), Math.random(), crypto.randomUUID()]);
//# chance while modules are evaluated
const salt = Math.random(); export const f = query(() => [salt, Math.random()]);
//# the console
export const f = query(({ n }) => { console.log("n", n, { a: [1] }); console.warn("w"); return n; });
//# addresses and text
export const f = query(({ n }) => { const url = new URL(`http://a/?n=${n}`); url.searchParams.append("m", 1); return [url.href, new TextDecoder().decode(new TextEncoder().encode("é")), btoa("a")]; });
//# a text encoder of the module
const encoder = new TextEncoder(), decoder = new TextDecoder(); export const f = query(({ n }) => decoder.decode(encoder.encode(`${n}`)));
//# environment variables
export const f = query(() => process.env.NAME ?? "none");
//# a bound helper
const helper = { n: 2, times(x) { return this.n * x; } }; const times = helper.times.bind(helper); export const f = query(({ n }) => times(n));
//# syscalls
export const f = query(async ({ n }) => { const [a, b] = await Promise.all([call("one", { n }), call("two", {})]); a.more = b; return a; });
//# destructuring with defaults
export const f = query(({ n, m = 2, ...rest }) => { let a, b; [a, b = 3] = [n]; ({ x: a } = { x: a + 1 }); return [a, b, m, rest]; });
//# currying of locals
const make = (a) => (b) => (c) => a + b + c; const add1 = make(1); export const f = query(({ n }) => add1(n)(2));
//# a generator that is finished
const range = function* (n) { for (let i = 0; i < n; i++) yield i; }; const THREE = [...range(3)]; export const f = query(({ n }) => [...range(n), ...THREE]);
//# structured clones and sorting
const BASE = { list: [3, 1, 2] }; export const f = query(() => { const copy = structuredClone(BASE); copy.list.sort(); return [copy, BASE.list.toSorted()]; });
//# JSON and dates of locals
export const f = query(({ n }) => { const d = new Date(0); d.setUTCFullYear(2000 + n); return JSON.parse(JSON.stringify({ d })); });
//# Object.assign into locals
const DEFAULTS = { a: 1 }; export const f = query((args) => Object.assign({}, DEFAULTS, args));
//# async storage
const storage = new AsyncLocalStorage(); export const f = query(({ n }) => storage.run({ n }, () => storage.getStore().n));
//# formats of the module
const format = new Intl.NumberFormat("en"), dates = new Intl.DateTimeFormat("en", { timeZone: "UTC" }); export const f = query(({ n }) => [format.format(n * 1000), dates.format(new Date(0))]);
//# closures over the variables of loops and switches
const getters = {}; for (const key of ["a", "b"]) Object.defineProperty(getters, key, { get: () => key }); const names = []; for (let i = 0; i < 2; i++) if (i) names.push(() => i); let one; switch (1) { default: const two = 2; one = () => two; } export const f = query(() => [getters.a, names[0](), one()]);
//# classes of old, as compilers wrote them
function Base(n) { this.n = n; } function Sub() { return Reflect.construct(Base, [1], Object.getPrototypeOf(this).constructor); } Object.setPrototypeOf(Sub.prototype, Base.prototype); Object.setPrototypeOf(Sub, Base); const native = Boolean.prototype.valueOf.call(Reflect.construct(Boolean, [], function () {})); const it = new Sub(); export const f = query(({ n }) => [it.n + n, native, it instanceof Base]);
