//# keys that are deleted and made again
const o = { a: 1, b: 2, c: 3 }; export const f = query(() => { const was = see(o); delete o.a; o.a = 1; return was; });
//# a key in the middle
const o = { a: 1, b: 2, c: 3 }; export const f = query(() => { const was = see(o); delete o.b; return was; });
//# keys that are made
const o = { a: 1 }; export const f = query(({ n }) => { const was = see(o); o[`k${n}`] = n; o[n] = n; o[Symbol("s")] = n; return was; });
//# the order of symbols
const s = Symbol("s"), t = Symbol("t"); const o = { [s]: 1, [t]: 2, a: 3 }; export const f = query(() => { const was = see(o); delete o[s]; o[s] = 1; return was; });
//# indices and names
const o = { b: 1, 2: 2, a: 3, 4294967295: 4, "-1": 5, "01": 6 }; export const f = query(() => { const was = see(o); delete o[2]; o[1] = 1; delete o[4294967295]; o[4294967295] = 4; o.z = 1; return was; });
//# a value in place
const o = { a: 1, b: 2 }; export const f = query(({ n }) => { const was = see(o); o.a = n; o.b = -0; return was; });
//# a value that becomes an accessor
const o = { a: 1, b: 2 }; export const f = query(() => { const was = see(o); Object.defineProperty(o, "a", { get: () => 2 }); return was; });
//# a getter that becomes a value
let made = 0; const o = { get lazy() { made++; const value = { made }; Object.defineProperty(this, "lazy", { value }); return value; }, z: 1 }; export const f = query(() => { const was = see(o); o.lazy.more = 1; return [was, see(o), o.lazy, made]; });
//# a getter of a prototype that becomes a value of the instance
class Lazy { get parts() { const value = []; Object.defineProperty(this, "parts", { value, configurable: true }); return value; } } const one = new Lazy(); export const f = query(({ n }) => { const was = see(one); one.parts.push(n); return [was, one.parts]; });
//# a property that is made read-only
const o = { a: 1, b: 2 }; export const f = query(() => { const was = see(o); Object.defineProperty(o, "a", { writable: false }); let stopped = false; try { o.a = 2; } catch { stopped = true; } return [was, stopped]; });
//# a property that is hidden
const o = { a: 1, b: 2 }; export const f = query(() => { const was = Object.keys(o); Object.defineProperty(o, "a", { enumerable: false }); return was; });
//# a setter that is replaced
const o = { set a(value) { this.kept = value; } }; export const f = query(({ n }) => { const was = see(o); o.a = n; o.__defineSetter__("a", () => {}); o.__defineGetter__("b", () => 1); return was; });
//# a key named __proto__
const o = Object.create(null); o.__proto__ = 1; export const f = query(() => { const was = see(o); o.__proto__ = 2; o.constructor = 3; delete o.__proto__; return was; });
//# a list that grows
const list = [1, 2]; export const f = query(({ n }) => { const was = see(list); list.push(n, n); list.extra = 1; return was; });
//# a list with holes
const list = [1, , 3]; export const f = query(() => { const was = see(list); list[1] = 2; delete list[0]; list.length = 9; return was; });
//# a list with far places
const list = [1]; export const f = query(() => { const was = see(list); list[1_000_000] = 1; return was; });
//# a list that is emptied
const list = [1, 2, 3]; list.name = "list"; export const f = query(() => { const was = see(list); list.length = 0; delete list.name; list.last = 1; list.name = "list"; return was; });
//# a list that is sorted and spliced
const list = [3, 1, 2, 5, 4]; export const f = query(() => { const was = [...list]; list.sort(); list.splice(1, 2, "x"); list.reverse(); list.unshift(9); return was; });
//# an accessor in a list
const list = [1, 2]; export const f = query(() => { const was = see(list); Object.defineProperty(list, 0, { get: () => 3 }); return was; });
//# the order of a Map
const map = new Map([["a", 1], ["b", 2], ["c", 3]]); export const f = query(() => { const was = [...map]; map.delete("a"); map.set("a", 1); return was; });
//# a Map that is cleared
const map = new Map([["a", 1], ["b", 2]]); export const f = query(({ n }) => { const was = [...map]; map.clear(); map.set(n, n); return was; });
//# values of a Map
const key = {}; const map = new Map([[NaN, 1], [0, 2], [key, 3]]); export const f = query(({ n }) => { const was = [map.get(NaN), map.get(-0), map.get(key), map.size]; map.set(NaN, n + 9); map.set(-0, n + 9); map.set(key, {}); map.set({}, key); return was; });
//# a Map with properties
const map = new Map(); map.hits = 0; export const f = query(({ n }) => { const was = [map.hits, map.size]; map.hits++; map.set(n, map); return was; });
//# the order of a Set
const set = new Set(["a", "b", "c"]); export const f = query(({ n }) => { const was = [...set]; set.delete("b"); set.add("b"); set.add(n); return was; });
//# a Set that is cleared
const set = new Set([1, 2]); export const f = query(() => { const was = [...set]; set.clear(); return was; });
//# entries of a WeakMap
const a = {}, b = {}; const memo = new WeakMap([[a, { n: 1 }]]); export const f = query(({ n }) => { const was = [memo.get(a), memo.has(b)]; memo.get(a).n = n + 5; memo.set(a, 7); memo.set(b, n); memo.delete(a); memo.set({}, 1); return was; });
//# entries of a WeakSet
const a = {}, b = {}; const seen = new WeakSet([a]); export const f = query(() => { const was = [seen.has(a), seen.has(b)]; seen.delete(a); seen.add(b); return was; });
//# a memo of a template
const seen = new WeakMap(); const tag = (strings) => { const was = seen.has(strings); seen.set(strings, 1); return was; }; export const f = query(() => tag`a`);
//# stores at depth
const o = { a: { b: { c: 1 } }, list: [{ n: 0 }] }; export const f = query(({ n }) => { const was = JSON.stringify(o); o.a.b.c = { n }; o.a.b.c.d = [n]; o.list[0].n++; o.list.push({ n }); o.a = o.list; return was; });
//# one object by two ways
const inner = { n: 0 }; const a = { inner }, b = { inner }; export const f = query(() => { const was = [a.inner === b.inner, inner.n]; a.inner.n++; b.inner.n++; a.inner = { ...inner }; return was; });
//# objects that point at each other
const a = {}, b = { a }; a.b = b; export const f = query(({ n }) => { const was = [a.b === b, b.a === a, see(a), see(b)]; a.b = { a: n }; b.a = a.b; a.b.a = b; return was; });
//# an object that freezes what is new
const memo = {}; export const f = query(({ n }) => { const was = see(memo); memo[n] = Object.freeze({ n: Object.seal([n]) }); return was; });
//# the lazy parts of a schema, as zod 4 has them
const cached = (make) => ({ get value() { const value = make(); Object.defineProperty(this, "value", { value }); return value; } }); const lazy = (o, key, make) => { let value; Object.defineProperty(o, key, { get() { if (value === "making") return undefined; if (value === undefined) { value = "making"; value = make(); } return value; }, set(v) { Object.defineProperty(o, key, { value: v }); }, configurable: true }); }; const schema = { _zod: {} }; lazy(schema._zod, "shape", () => ({ n: "number" })); const form = cached(() => Object.keys(schema._zod.shape)); export const f = query(() => { const was = see(schema._zod).concat(see(form)); const keys = form.value; keys.push("x"); schema._zod.shape = { m: 1 }; return [was, keys, form.value, Object.keys(schema._zod.shape)]; });
//# what a class remembers, as effect has it
class Refs { static store; static get all() { return (this.store ??= new Map()); } static of(key, make) { if (!this.all.has(key)) this.all.set(key, make()); return this.all.get(key); } } export const f = query(({ n }) => { const was = Refs.store?.size ?? -1; return [was, Refs.of("a", () => n), Refs.of("a", () => -1)]; });
//# private fields
class Tool { static #made = 0; #n = 0; #done = false; #set() { this.#done = true; } up() { Tool.#made++; this.#set(); return ++this.#n; } get state() { return [Tool.#made, this.#n, this.#done]; } } const tool = new Tool(), other = new Tool(); export const f = query(() => { const was = [tool.state, other.state]; tool.up(); tool.up(); return [was, tool.state, new Tool().up()]; });
//# a private field that holds a list
class Tool { #list = []; add(n) { this.#list = [...this.#list, n]; this.#list.push(n); return this.#list.length; } } const tool = new Tool(); export const f = query(({ n }) => [tool.add(n), tool.add(n)]);
//# a class of Maps with private fields
class Cache extends Map { #hits = 0; get(key) { this.#hits++; return super.get(key); } get hits() { return this.#hits; } } const cache = new Cache([["a", 1]]); export const f = query(({ n }) => { const was = [cache.hits, cache.size]; cache.get("a"); cache.set(n, n); return was; });
//# private accessors
class Tool { #n = 0; get #m() { return this.#n; } set #m(v) { this.#n = v; } up() { this.#m += 2; return this.#m; } } const tool = new Tool(); export const f = query(() => [tool.up(), tool.up()]);
//# variables
let a = 0, b = { n: 0 }, c; var d; export const f = query(({ n }) => { const was = [a, b.n, c, d]; a += 1; b = { n }; c ??= n; d = was; [a, c] = [c, a]; ({ x: d = n } = {}); return was; });
//# variables of closures
const make = (from) => { let n = from; return { up: () => ++n, down() { n -= 1; return n; }, set: (v) => { n = v; } }; }; const one = make(0), two = make(10); export const f = query(({ n }) => { const was = [one.up(), one.up(), two.down()]; two.set(n); return [was, make(5).up()]; });
//# variables of closures with one name
const make = () => { let n = 0; return (add) => { const inner = () => { let n = 5; n += add; return n; }; n += add; return [n, inner()]; }; }; const one = make(); export const f = query(({ n }) => [one(n), one(1)]);
//# parameters of curried arrows
const make = (n) => (by) => (n += by); const add = make(1); export const f = query(({ n }) => [add(1), add(n), make(3)(4)]);
//# lazy modules, as bundlers make them
const lazy = (load, module) => () => (module || load((module = { exports: {} }).exports, module), module.exports); const load = lazy((exports) => { exports.n = 0; exports.up = () => ++exports.n; }); export const f = query(() => [load().up(), load().up()]);
//# variables of loops
const fs = []; for (let i = 0; i < 3; i++) { fs.push(() => i++); } export const f = query(() => [fs[0](), fs[0](), fs[1](), fs[2]()]);
//# variables of blocks
let up; { let n = 0; up = () => ++n; } let down; switch (1) { default: let n = 9; down = () => --n; } let name; try { throw "a"; } catch (e) { name = () => (e += "b"); } export const f = query(() => [up(), up(), down(), down(), name()]);
//# a variable that is assigned ten thousand times
let sum = 0; export const f = query(({ n }) => { for (let i = 0; i < 10_000; i++) sum += n; return sum; });
//# a property that is assigned ten thousand times
const o = { sum: 0 }; export const f = query(({ n }) => { for (let i = 0; i < 10_000; i++) o.sum += n; return o.sum; });
//# statements without semicolons
let a = 0, b = 0
const step = () => { const one = 1
a = a + one
b++
++b
return [a, b] }
export const f = query(() => step())
//# a variable that nothing has initialised
const make = () => { const set = () => { late = 1; }; const other = () => { n += 1; return n; }; let n = 0; return { set, other }; let late; }; const { set, other } = make(); export const f = query(() => { let failed = "no"; try { set(); } catch (e) { failed = e.name; } return [other(), failed]; });
//# a store in the head of a loop
const o = {}; let last; export const f = query(({ n }) => { const was = [see(o), last]; for (o.key of [n, n + 1]); for (last in { a: 1, b: 2 }); for (last = 0; last < 3; last++); return [was, last]; });
//# a store that fails halfway
let a = 0, b = 0; const o = { n: 0 }; export const f = query(() => { const was = [a, b, o.n]; try { [a, o.n, b] = (function* () { yield a + 1; yield 5; throw 1; })(); } catch {} return [was, a, o.n]; });
//# work that fails halfway
const state = { steps: [] }; export const f = query(({ n }) => { const was = state.steps.length; try { state.steps.push(n); state.current = n; throw new Error("halfway"); } catch {} return was; });
//# work that nobody waits for
const seen = []; let late = 0; export const f = query(({ n }) => { const was = [seen.length, late]; (async () => { await null; await null; seen.push(n); for (let i = 0; i < 20; i++) await null; late += 1; seen.more = late; })(); return was; });
//# work that waits for ever
let go; const seen = []; export const f = query(({ n }) => { go?.(); const was = seen.length; void (async () => { await new Promise((resolve) => { go = resolve; }); seen.push(n); })(); return was; });
//# a generator that stops halfway
const state = { n: 0 }; let open; export const f = query(({ n }) => { const was = [state.n, open === undefined]; open = (function* () { for (;;) { state.n += 1; yield state.n; } })(); open.next(); open.next(); return was; });
//# promises in a memo table
const memo = new Map(); const get = (key) => { if (!memo.has(key)) memo.set(key, call("one", { key })); return memo.get(key); }; export const f = query(async ({ n }) => [memo.size, await get(n), await get(n), memo.size]);
//# state between syscalls
const state = { open: 0, most: 0 }; export const f = query(async ({ n }) => { const was = { ...state }; await Promise.all([1, 2, 3].map(async (i) => { state.open++; state.most = Math.max(state.most, state.open); await call("x", { i, n }); state.open--; })); return [was, { ...state }]; });
//# one service for all
let instance; class Service { calls = 0; static get() { return (instance ??= new Service()); } run() { return ++this.calls; } } export const f = query(() => [Service.get().run(), Service.get().run()]);
//# a prototype that is set
const o = { n: 1 }, p = { a: 1 }; export const f = query(() => { const was = [o.a ?? "none", Object.getPrototypeOf(o) === Object.prototype]; Object.setPrototypeOf(o, p); p.__proto__ = { b: 1 }; return was; });
//# a method of a class that is replaced
class Tool { run() { return "old"; } } const tool = new Tool(); export const f = query(() => { const was = [tool.run(), see(Tool.prototype)]; Tool.prototype.run = () => "new"; Tool.prototype.more = 1; delete Tool.prototype.constructor; return [was, tool.run()]; });
//# the prototype of a function
function Tool() {} const { prototype } = Tool; export const f = query(() => { const was = [Tool.prototype === prototype, new Tool() instanceof Tool]; Tool.prototype = { a: 1 }; return was; });
//# the name and properties of a function
function tool() {} export const f = query(({ n }) => { const was = [Object.getOwnPropertyNames(tool), tool.name, tool.calls ?? "none"]; Object.defineProperty(tool, "name", { value: `tool${n}` }); tool.calls = n; delete tool.calls; tool.calls = n; return was; });
//# a date
const date = new Date(5); date.note = "a"; export const f = query(({ n }) => { const was = [date.getTime(), date.note]; date.setUTCFullYear(2000 + n); date.setTime(NaN); date.note = n; return was; });
//# cells
const cells = new Uint8Array([1, 2, 3]), wide = new Float64Array([NaN, -0]); export const f = query(({ n }) => { const was = [[...cells], Object.is(wide[1], -0), wide[0]]; cells[0] = n + 9; cells.fill(n, 1); cells.note = 1; wide.set([n, n]); return [was, cells.note]; });
//# chance into cells
const cells = new Uint8Array(3); export const f = query(() => { const was = [...cells]; crypto.getRandomValues(cells); return [was, [...cells]]; });
//# text into cells
const cells = new Uint8Array(3); export const f = query(() => { const was = [...cells]; new TextEncoder().encodeInto("ab", cells); return [was, [...cells]]; });
//# cells that are seen twice
const a = new Uint16Array(4), b = a.subarray(1, 3); export const f = query(({ n }) => { const was = [[...a], [...b]]; a[1] = n + 1; b[0] = n + 2; b[1] += 3; a.reverse(); return was; });
//# a view
const view = new DataView(new Uint8Array(4).buffer.slice(0)); export const f = query(({ n }) => { const was = view.getUint32(0); view.setUint16(1, n + 1); return was; });
//# what an expression remembers
const word = /a/g, at = /b/; export const f = query(() => { const was = [word.lastIndex, see(at)]; word.test("aaa"); at.lastIndex = 5; at.note = 1; return was; });
//# many ways to store
const o = { a: 1 }; export const f = query(({ n }) => { const was = see(o); Object.assign(o, { b: n }); Object.defineProperties(o, { c: { value: n, configurable: true } }); Reflect.set({}, "d", n, o); Reflect.deleteProperty(o, "a"); Reflect.defineProperty(o, "e", { value: 1, configurable: true }); [o.f, o["g"]] = [n, n]; ({ x: o.h } = { x: n }); o.i ??= n; o.j = o.k = n; return was; });
//# stores through a proxy of what is old
const o = { n: 0 }; export const f = query(({ n }) => { const was = see(o); const p = new Proxy(o, {}); p.n = n + 1; p.m = 1; delete p.n; return was; });
//# the arguments of a call that is over
function make() { return { up: () => { arguments[0] += 1; return arguments[0]; } }; } const { up } = make(1); export const f = query(() => [up(), up()]);
//# a store from a callback of a built-in
const seen = [], o = {}; export const f = query(({ n }) => { const was = [seen.length, see(o)]; [n, n + 1].forEach(function (x) { this.push(x); }, seen); JSON.parse('{"a":[1,2]}', (key, value) => { o[`k${key}`] = 1; return value; }); "ab".replace(/./g, (c) => (o[c] = c)); return was; });
//# what is put where it was
const o = { a: 1 }, { a } = o; export const f = query(() => { o.a = 2; o.a = a; delete o.a; o.a = a; return see(o); });
//# assignments in odd places
let x = 0, y = 0, z
const o = { list: [1, 2] }
class Odd { field = x = 7; static make() { return new Odd() } [`${1}`]() { return x } }
const each = (n) => { const out = []
x = 1
++y
y
++x
label: x = x + 1
if (n < 0) x = -1; else x = 3
do x++; while (x < 5)
for (x = 0, y = 1; x < 3; x++, y += x);
out.push(x, y)
const arrow = () => x = { a: 1 }
out.push(arrow().a, (() => x = y = 4)(), `${x = 5}`, -x++, x++ ** 2, n >= 0 ? x = 8 : x = 9);
[x, y = 3] = [1];
({ x = 2, a: z, ...y } = { a: x, b: [x = 6] })
out.push(x, z, y.b[0]);
[...z] = o.list
for ([x] of [[1], [2]]) y = x
for (const one of z = o.list) x = one
for (x in { a: 1 }) y = x
x &&= y ||= z ??= 1
out.push(x, z.length, y, typeof x, void (x = 1), new (x = Odd)().field, delete (x = { p: 1 }).p, Odd.make()[1]())
const inner = function* () { const got = yield x = 1; y = got; return yield* [x += 1] }
const run = inner()
out.push(run.next().value, run.next(5).value, y, x)
try { throw x = 9 } catch (e) { x = e + 1 } finally { y = x }
switch (x = 3) { case y = 3: x = 4 }
return out.concat(x, y) }
export const f = query(({ n }) => { const got = JSON.stringify(each(n)); const expected = '[3,7,1,4,"5",-5,36,8,2,1,6,"a",2,"a","string",null,7,true,7,1,2,5,2,4,3]'; if (got !== expected) throw new Error(got); return [x, y, z ?? "none"]; });
//# names of the global object
const key = Symbol.for("fiber"); export const f = query(({ n }) => { const was = [typeof globalThis.marked, globalThis[key] === undefined, Object.keys(globalThis)]; const before = globalThis[key]; globalThis[key] = { n }; globalThis.marked = n; self.list = [n]; Object.defineProperty(globalThis, "got", { get: () => n, configurable: true }); globalThis[key] = before; return [was, globalThis.got]; });
//# a global class that is replaced
const before = Map; export const f = query(({ n }) => { const was = [Map === before, new Map([[n, n]]).size, typeof console.log]; globalThis.Map = class { size = -1; }; globalThis.console = { log() {} }; console.log("unseen"); return [was, new Map().size]; });
//# names of the global object, and what the runtime makes on demand
export const f = query(({ n }) => { const was = [globalThis.marked ?? "none", new URL("http://a/").marked ?? "none"]; globalThis.marked = n; return [was, new TextEncoder().encode("a").length, typeof crypto.randomUUID(), new Headers([["a", "b"]]).get("a")]; });
//# how much of stacks is kept
export const f = query(() => { const was = [Error.stackTraceLimit, "more" in Error]; Error.stackTraceLimit = 0; const { stack } = new Error("a"); Error.more = 1; return [was, stack]; });
//# indices of a view
const view = new DataView(new ArrayBuffer(4).slice(0)); export const f = query(({ n }) => { const was = see(view); view[n] = n; return was; });
