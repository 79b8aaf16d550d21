//# a counter in a module variable
let n = 0; export const f = query(() => ++n);
//# a counter assigned in a destructuring
let n = 0; export const f = query(() => { [n] = [n + 1]; return n; });
//# an object pattern with a default
let n = 0; export const f = query(() => { ({ n = n + 1 } = {}); return n; });
//# a variable assigned by the head of a loop
let last = "none"; export const f = query(({ n }) => { const before = last; for (last of [`turn ${n}`]); return before; });
//# a variable assigned by for-in
let last; export const f = query(({ n }) => { const before = last ?? "none"; for (last in { [n]: 1 }, { [n]: 2 }); return before; });
//# logical assignment
let first; export const f = query(({ n }) => first ??= n);
//# compound assignment
let sum = 0; export const f = query(({ n }) => sum += n);
//# a module variable of another function's
let n = 0; const bump = () => n++; export const f = query(() => { bump(); return n; });
//# a counter in a closure
const counter = (() => { let n = 0; return () => ++n; })(); export const f = query(() => counter());
//# a counter in a closure of an expression
const make = (box) => () => ++box.n; const counter = make({ n: 0 }); export const f = query(() => counter());
//# curried arrows over a parameter
const make = (n) => (by) => (n += by); const add = make(0); export const f = query(() => add(1));
//# a closure over the variable of a loop
const fs = []; for (let i = 0; i < 3; i++) { fs.push(() => i++); } export const f = query(() => fs[0]() + fs[1]() * 10);
//# a closure in a loop without a block
const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i++); export const f = query(() => fs[0]());
//# a closure over an object of a loop
const fs = []; for (const box of [{ n: 0 }]) { fs.push(() => ++box.n); } export const f = query(() => fs[0]());
//# a closure over what was caught
let peek; try { throw { n: 0 }; } catch (thrown) { peek = () => ++thrown.n; } export const f = query(() => peek());
//# a closure over a variable of a block
let peek; { const box = { n: 0 }; peek = () => ++box.n; } export const f = query(() => peek());
//# a closure over a variable of a switch
let peek; switch (1) { case 1: const box = { n: 0 }; peek = () => ++box.n; } export const f = query(() => peek());
//# a closure over this
function Box() { this.n = 0; this.up = () => ++this.n; } const { up } = new Box(); export const f = query(() => up());
//# a closure over arguments
function make() { return () => ++arguments[0].n; } const up = make({ n: 0 }); export const f = query(() => up());
//# a closure over this of a constructor
class Box { constructor() { this.n = 0; this.up = () => ++this.n; } } const { up } = new Box(); export const f = query(() => up());
//# a closure over this of a field
class Box { n = 0; up = () => ++this.n; } const { up } = new Box(); export const f = query(() => up());
//# a closure over this of a static field
const up = (class { static n = 0; static up = () => ++this.n; }).up; export const f = query(() => up());
//# a closure over a parameter in a default
const make = (box, up = () => ++box.n) => up; const up = make({ n: 0 }); export const f = query(() => up());
//# a closure over new.target
function Make() { return { up: () => (new.target.n = (new.target.n ?? 0) + 1) }; } const { up } = new Make(); Make = undefined; export const f = query(() => up());
//# the name of a function expression
const up = (function self() { return () => (self.n = (self.n ?? 0) + 1); })(); export const f = query(() => up());
//# the name of a class expression
const up = new (class Self { static n = 0; up() { return ++Self.n; } })(); export const f = query(() => up.up());
//# a memo table in an object
const memo = {}; export const f = query(({ n }) => { const seen = Object.keys(memo).length; memo[n] = 1; return seen; });
//# a memo table without a prototype
const memo = Object.create(null); export const f = query(({ n }) => { const seen = Object.keys(memo).length; memo[n] = 1; return seen; });
//# a memo table in a Map
const memo = new Map(); export const f = query(({ n }) => { memo.set(n, 1); return memo.size; });
//# a value in a Map that is replaced
const memo = new Map([["n", 0]]); export const f = query(() => { memo.set("n", memo.get("n") + 1); return memo.get("n"); });
//# an object in a Map
const memo = new Map([["n", { n: 0 }]]); export const f = query(() => ++memo.get("n").n);
//# a Set that forgets
const left = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9]); export const f = query(() => { const [one] = left; left.delete(one); return left.size; });
//# a Map without its prototype
const memo = Object.setPrototypeOf(new Map([["box", { n: 0 }]]), null); export const f = query(() => ++Map.prototype.get.call(memo, "box").n);
//# a WeakMap
const key = {}; const memo = new WeakMap(); export const f = query(() => { const seen = memo.has(key); memo.set(key, 1); return seen; });
//# an object that only a WeakMap holds
const key = {}; const memo = new WeakMap([[key, { n: 0 }]]); export const f = query(() => ++memo.get(key).n);
//# a WeakSet
const key = {}; const seen = new WeakSet(); export const f = query(() => { const was = seen.has(key); seen.add(key); return was; });
//# a WeakRef
const ref = (() => new WeakRef({ n: 0 }))(); export const f = query(() => ++ref.deref().n);
//# an array that grows
const list = []; export const f = query(({ n }) => list.push(n));
//# an array that is sorted
const list = [3, 1, 2]; export const f = query(() => { const before = list.join(); list.sort(); return before; });
//# an array that is filled by a detour
const list = [0]; const { call: invoke } = Function.prototype; export const f = query(({ n }) => { const before = list[0]; invoke.call(Array.prototype.fill, list, n + 1); return before; });
//# a method found by a computed name
const list = []; export const f = query(({ n }) => list[["pu", "sh"].join("")](n));
//# Reflect.apply of a method
const list = []; export const f = query(({ n }) => Reflect.apply([].push, list, [n]));
//# a bound method kept by the module
const push = Array.prototype.push.bind([]); export const f = query(({ n }) => push(n));
//# a bound method made in the call
const list = []; export const f = query(({ n }) => list.push.bind(list)(n));
//# the length of an array
const list = [1, 2, 3, 4, 5, 6, 7, 8, 9]; export const f = query(() => { list.length -= 1; return list.length; });
//# Object.assign
const state = { n: 0 }; export const f = query(() => Object.assign(state, { n: state.n + 1 }).n);
//# Object.defineProperty
const state = {}; export const f = query(({ n }) => { const before = state.n ?? "none"; Object.defineProperty(state, "n", { value: n, configurable: true }); return before; });
//# Object.freeze
const state = { n: 0 }; export const f = query(() => { const was = Object.isFrozen(state); Object.freeze(state); return was; });
//# Object.setPrototypeOf
const state = {}; export const f = query(() => { const was = state.marked ?? false; Object.setPrototypeOf(state, { marked: true }); return was; });
//# __proto__
const state = {}; export const f = query(() => { const was = state.marked ?? false; state.__proto__ = { marked: true }; return was; });
//# Reflect.set with another receiver
const state = { n: 0 }; export const f = query(() => { const was = state.n; Reflect.set({}, "n", was + 1, state); return was; });
//# Reflect.deleteProperty
const state = { n: 0 }; export const f = query(() => { const had = "n" in state; Reflect.deleteProperty(state, "n"); return had; });
//# delete
const state = { n: 0 }; export const f = query(() => { const had = "n" in state; delete state.n; return had; });
//# delete in a chain
const state = { deep: { n: 0 } }; export const f = query(() => { const had = "n" in state.deep; delete state?.deep.n; return had; });
//# a member in a pattern
const state = { n: 0 }; export const f = query(() => { const was = state.n; [state.n] = [was + 1]; return was; });
//# a member in an object pattern
const state = { n: 0 }; export const f = query(() => { const was = state.n; ({ a: state.n } = { a: was + 1 }); return was; });
//# a member in the head of a loop
const state = { n: 0 }; export const f = query(({ n }) => { const was = state.n; for (state.n of [n]); return was; });
//# a property of a function
function tool() {} export const f = query(() => { tool.n = (tool.n ?? 0) + 1; return tool.n; });
//# a property of the function itself
export const f = query(() => { f.n = (f.n ?? 0) + 1; return f.n; });
//# a static of a class
class Tool { static n = 0; } export const f = query(() => ++Tool.n);
//# a private static of a class
class Tool { static #n = 0; static up() { return ++Tool.#n; } } export const f = query(() => Tool.up());
//# a private field of an instance
class Tool { #n = 0; up() { return ++this.#n; } } const tool = new Tool(); export const f = query(() => tool.up());
//# an object in a private field
class Tool { #box = { n: 0 }; get box() { return this.#box; } } const tool = new Tool(); export const f = query(() => ++tool.box.n);
//# a Map in a private field
class Tool { #seen = new Map(); see(n) { this.#seen.set(n, 1); return this.#seen.size; } } const tool = new Tool(); export const f = query(({ n }) => tool.see(n));
//# an accessor with a store behind it
const state = { get n() { return this.kept ?? 0; }, set n(value) { this.kept = value; } }; export const f = query(() => { const was = state.n; state.n = was + 1; return was; });
//# super in a method
const base = { n: 0 }; const state = { __proto__: base, up() { super.n = (this.n ?? 0) + 1; return this.n; } }; export const f = query(() => state.up());
//# a constructor that returns what is old
const state = {}; class Base { constructor() { return state; } } class Derived extends Base { mark = 1; } export const f = query(() => { const was = "mark" in state; new Derived(); return was; });
//# a constructor of lists that returns what is old
const old = [0]; class Evil extends Array { constructor() { super(); return old; } } export const f = query(({ n }) => { const was = old[0]; const list = [n + 1]; list.constructor = Evil; list.map((x) => x); return was; });
//# Array.from with a constructor that returns what is old
const old = [0]; export const f = query(({ n }) => { const was = old[0]; Array.from.call(function () { return old; }, [n + 1]); return was; });
//# a species
const old = [0]; class Evil extends Array { static get [Symbol.species]() { return function () { return old; }; } } export const f = query(({ n }) => { const was = old[0]; Evil.of(n + 1).map((x) => x); return was; });
//# Array.prototype
export const f = query(() => { const was = [].marked ?? false; Array.prototype.marked = true; return was; });
//# Object.prototype
export const f = query(() => { const was = {}.marked ?? false; Object.defineProperty(Object.prototype, "marked", { value: true, configurable: true }); return was; });
//# the prototype of generators
export const f = query(() => { const proto = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())); const was = proto.marked ?? false; proto.marked = true; return was; });
//# the prototype of async functions
export const f = query(() => { const proto = Object.getPrototypeOf(async () => {}); const was = proto.marked ?? false; proto.marked = true; return was; });
//# the prototype of the iterators of arrays
export const f = query(() => { const proto = Object.getPrototypeOf([].values()); const was = proto.marked ?? false; proto.marked = true; return was; });
//# a method of a prototype that is replaced
export const f = query(() => { const was = [3, 1].at(0); Array.prototype.at = () => "mine"; return was; });
//# Map.prototype.get
export const f = query(() => { const was = new Map([[1, 2]]).get(1); Map.prototype.get = () => "mine"; return was; });
//# Math.random that is not restored
export const f = query(() => { const was = Math.random() === 4; Math.random = () => 4; return was; });
//# Date that is swapped
export const f = query(() => { const was = typeof Date.marked; globalThis.Date = class extends Date { static marked = 1; }; return was; });
//# Date that is swapped by a bare name
export const f = query(() => { const was = typeof Date.marked; Date = class extends Date { static marked = 1; }; return was; });
//# console that is swapped
export const f = query(() => { console.log("seen"); globalThis.console = { log() {} }; return 1; });
//# crypto that is swapped
export const f = query(() => { const was = typeof crypto.marked; Object.defineProperty(globalThis, "crypto", { value: { marked: 1 }, configurable: true }); return was; });
//# process.env that is written
export const f = query(() => { const was = process.env.MARKED ?? "none"; process.env.MARKED = "yes"; return was; });
//# process.env that is replaced
export const f = query(() => { const was = process.env.MARKED ?? "none"; process.env = { MARKED: "yes" }; return was; });
//# a global
export const f = query(() => { const was = globalThis.marked ?? "none"; globalThis.marked = "yes"; return was; });
//# a getter on a global
export const f = query(() => { const was = globalThis.marked ?? "none"; Object.defineProperty(globalThis, "marked", { get: () => "yes", configurable: true }); return was; });
//# a class that the runtime makes when it is asked for
export const f = query(() => { const was = new URL("http://a/").marked ?? "none"; URL.prototype.marked = "yes"; return was; });
//# the class of an error that the runtime throws
export const f = query(() => { let was; try { atob("%"); } catch (error) { was = error.marked ?? "none"; error.constructor.prototype.marked = "yes"; } return was; });
//# Intl
export const f = query(() => { const was = Intl.marked ?? "none"; Intl.marked = "yes"; return was; });
//# marks of performance
export const f = query(() => { performance.mark("here"); return performance.getEntries().length; });
//# a timer of the console
export const f = query(() => { console.time("a"); return 1; });
//# the registry of symbols
export const f = query(() => { const key = Symbol.for("marked"); const was = globalThis[key] ?? "none"; globalThis[key] = "yes"; return was; });
//# lastIndex
const word = /a/g; export const f = query(() => { word.test("aaaa"); return word.lastIndex; });
//# lastIndex of a sticky expression that matched
const word = /a/y; export const f = query(() => [word.test("aaaa"), word.lastIndex]);
//# lastIndex that is assigned
const word = /a/; export const f = query(() => { const was = word.lastIndex; word.lastIndex = 3; return was; });
//# the last match
export const f = query(({ n }) => { const was = RegExp.$1; /(\d)/.exec(`${n}`); return was; });
//# a generator that is kept alive
const turns = (function* () { let n = 0; for (;;) yield n++; })(); export const f = query(() => turns.next().value);
//# a generator in a closure
const next = (() => { const turns = (function* () { let n = 0; for (;;) yield n++; })(); return () => turns.next().value; })(); export const f = query(() => next());
//# an iterator of an array
const turns = [1, 2, 3, 4, 5, 6, 7, 8, 9].values(); export const f = query(() => turns.next().value);
//# an iterator of a Map
const turns = new Map([[1, 1], [2, 2], [3, 3]]).keys(); export const f = query(() => turns.next().value ?? "none");
//# a helper of iterators
const turns = Iterator.from([1, 2, 3, 4, 5, 6]).map((x) => x * 2); export const f = query(() => turns.next().value ?? "none");
//# a promise that is settled later
let settle; const promise = new Promise((resolve) => { settle = resolve; }); export const f = query(async () => { const was = await Promise.race([promise, Promise.resolve("open")]); settle("settled"); return was; });
//# an async function that waits
let get; (async () => { let n = 0; get = () => n; await null; n = 1; })(); export const f = query(() => get());
//# work that a module leaves behind
let n = 0; Promise.resolve().then(() => { n += 1; }); export const f = query(async () => { const was = n; await null; await null; return [was, n]; });
//# a promise that a call leaves behind
const seen = []; export const f = query(({ n }) => { Promise.resolve().then(() => Promise.resolve()).then(() => seen.push(n)); return seen.length; });
//# a proxy whose traps count
const state = { n: 0 }; const proxy = new Proxy({}, { get: () => ++state.n }); export const f = query(() => proxy.x);
//# a proxy around what is old
const state = { n: 0 }; export const f = query(() => { const was = state.n; new Proxy(state, {}).n = was + 1; return was; });
//# a proxy kept by the module
const state = new Proxy({ n: 0 }, {}); export const f = query(() => ++state.n);
//# a proxy that can be revoked
const { proxy, revoke } = Proxy.revocable({}, {}); export const f = query(() => { let was = "alive"; try { proxy.x; } catch { was = "revoked"; } revoke(); return was; });
//# a date
const date = new Date(0); export const f = query(() => { const was = date.getTime(); date.setTime(was + 1); return was; });
//# a typed array
const cells = new Uint8Array(1); export const f = query(() => ++cells[0]);
//# a typed array through its buffer
const cells = new Uint8Array(1); export const f = query(() => { const was = cells[0]; new Uint8Array(cells.buffer)[0] += 1; return was; });
//# a typed array through a part of it
const cells = new Uint8Array(2); export const f = query(() => ++cells.subarray(1)[0]);
//# a typed array through Atomics
const cells = new Int32Array(1); export const f = query(() => Atomics.add(cells, 0, 1));
//# a buffer
const buffer = new ArrayBuffer(1); export const f = query(() => ++new Uint8Array(buffer)[0]);
//# a view
const view = new DataView(new ArrayBuffer(1)); export const f = query(() => { const was = view.getUint8(0); view.setUint8(0, was + 1); return was; });
//# random bytes into an old array
const cells = new Uint8Array(4); export const f = query(({ n }) => { const was = [...cells]; crypto.getRandomValues(cells); return was; });
//# text into an old array
const cells = new Uint8Array(4); export const f = query(({ n }) => { const was = [...cells]; new TextEncoder().encodeInto("abc", cells); return was; });
//# a decoder in the middle of a character
const decoder = new TextDecoder(); export const f = query(() => decoder.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + decoder.decode(new Uint8Array([0xac]), { stream: true }) + decoder.decode(new Uint8Array([0xe2]), { stream: true }));
//# search parameters
const params = new URLSearchParams(); export const f = query(({ n }) => { params.append("n", n); return `${params}`; });
//# an address
const url = new URL("http://a/"); export const f = query(({ n }) => { const was = url.href; url.searchParams.append("n", n); return was; });
//# a target of events
const target = new EventTarget(); export const f = query(() => { let heard = 0; target.addEventListener("x", () => heard++); target.dispatchEvent(new Event("x")); return heard; });
//# a signal that is aborted
const controller = new AbortController(); export const f = query(() => { const was = controller.signal.aborted; controller.abort(); return was; });
//# a template that is remembered
const seen = new WeakMap(); const tag = (strings) => { const n = (seen.get(strings) ?? 0) + 1; seen.set(strings, n); return n; }; export const f = query(() => tag`a`);
//# Error.stackTraceLimit
export const f = query(() => { const was = Error.stackTraceLimit; Error.stackTraceLimit = 3; return was; });
//# Error.captureStackTrace
const state = {}; export const f = query(() => { const was = "stack" in state; Error.captureStackTrace(state); return was; });
//# a store that fails halfway
let a = 0, b = 0; export const f = query(() => { const was = a; try { [a, b] = (function* () { yield a + 1; throw 1; })(); } catch {} return was; });
//# WebAssembly
const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,5,1,96,0,1,127,3,2,1,0,6,6,1,127,1,65,0,11,7,5,1,1,102,0,0,10,13,1,11,0,35,0,65,1,106,36,0,35,0,11]); const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes)); export const f = query(() => exports.f());
//# a function that a format makes and keeps
const format = new Intl.NumberFormat("en"); export const f = query(() => { const was = format.format.n ?? 0; format.format.n = was + 1; return was; });
//# a function that a format of dates makes and keeps
const format = new Intl.DateTimeFormat("en"); export const f = query(() => { const was = format.format.n ?? 0; format.format.n = was + 1; return was; });
//# a comparison that a collator makes and keeps
const collator = new Intl.Collator("en"); export const f = query(() => { const was = collator.compare.n ?? 0; collator.compare.n = was + 1; return was; });
//# a property that cannot be taken away
const state = {}; export const f = query(({ n }) => { const was = Object.keys(state).length; Object.defineProperty(state, `k${n}`, { value: n, enumerable: true }); return was; });
//# a property that is sealed
const state = { a: 1 }; export const f = query(() => { const was = Object.getOwnPropertyDescriptor(state, "a").configurable; Object.defineProperty(state, "a", { configurable: false }); return was; });
//# a length that cannot be written
const list = [1]; export const f = query(() => { const was = Object.getOwnPropertyDescriptor(list, "length").writable; Object.defineProperty(list, "length", { writable: false }); return was; });
//# an element that cannot be taken away
const list = [1]; export const f = query(({ n }) => { const was = list.length; Object.defineProperty(list, list.length, { value: n }); return was; });
//# what cannot be extended loses a key
const state = Object.preventExtensions({ a: 1, b: 2 }); export const f = query(() => { const was = Object.keys(state); delete state.a; return was; });
//# keys that cannot be put in order
const state = Object.defineProperty({ a: 1, b: 2 }, "c", { value: 3, enumerable: true }); export const f = query(() => { const was = Object.keys(state); delete state.a; state.a = 1; return was; });
//# more than is noted: properties
const state = {}; for (let i = 0; i < 6000; i++) state[`k${i}`] = i; export const f = query(({ n }) => { const was = state.k7; state.k7 = -n - 1; return was; });
//# more than is noted: entries
const map = new Map(Array.from({ length: 6000 }, (_, i) => [i, i])); export const f = query(({ n }) => { const was = map.get(7); map.set(7, -n - 1); return was; });
//# more than is noted: values
const set = new Set(Array.from({ length: 6000 }, (_, i) => i)); export const f = query(() => { const was = set.has(7); set.delete(7); return was; });
//# more than is noted: cells
const cells = new Uint8Array(10_000); export const f = query(({ n }) => { const was = cells[9999]; cells[9999] = n + 1; return was; });
//# more than is noted: objects
const all = Array.from({ length: 5000 }, () => ({ n: 0 })); export const f = query(() => { const was = all[4999].n; for (const one of all) one.n++; return was; });
//# more than is noted: variables
const all = []; for (let i = 0; i < 5000; i++) { let n = 0; all.push(() => ++n); } export const f = query(() => { let last; for (const up of all) last = up(); return last; });
//# more than is noted: entries of a WeakMap
const keys = Array.from({ length: 5000 }, () => ({})), memo = new WeakMap(); export const f = query(() => { const was = memo.has(keys[4999]); for (const key of keys) memo.set(key, 1); return was; });
//# the first of more than is noted
const first = { n: 0 }, many = Array.from({ length: 5000 }, () => ({ n: 0 })); export const f = query(() => { const was = first.n; first.n++; for (const one of many) one.n++; return was; });
//# a symbol in a WeakMap
const key = Symbol("key"), memo = new WeakMap(); export const f = query(() => { const was = memo.has(key); memo.set(key, 1); return was; });
//# a private field for what is old
const state = {}; class Base { constructor(o) { return o; } } class Mark extends Base { #mark = 1; static has(o) { return #mark in o; } } export const f = query(() => { const was = Mark.has(state); if (!was) new Mark(state); return was; });
//# a private method for what is old
const state = {}; function Base() { return state; } class Mark extends Base { #mark() {} static has(o) { return #mark in o; } } export const f = query(() => { const was = Mark.has(state); if (!was) new Mark(); return was; });
//# a private field for a template
const strings = () => ((s) => s)`a`; class Base { constructor(o) { return o; } } class Mark extends Base { #mark = 1; static has(o) { return #mark in o; } } export const f = query(() => { const s = strings(); const was = Mark.has(s); if (!was) new Mark(s); return was; });
//# a reviver that leads to what is old
const state = { n: 0 }; export const f = query(() => { const was = state.n; JSON.parse('{"a":1,"b":2}', function (key, value) { if (key === "a") this.b = state; return key === "n" ? value + 1 : value; }); return was; });
//# an error of the module
const error = new Error("a"); export const f = query(({ n }) => { const was = [error.message, typeof error.stack]; error.message = `${n}`; error.stack = n; return was; });
//# a subclass of errors
class Mine extends Error { n = 0; } const error = new Mine("a"); export const f = query(() => ++error.n);
//# a number of WebAssembly
const cell = new WebAssembly.Global({ value: "i32", mutable: true }, 0); export const f = query(() => ++cell.value);
//# a number of WebAssembly by its accessor
const cell = new WebAssembly.Global({ value: "i32", mutable: true }, 0); const { get, set } = Object.getOwnPropertyDescriptor(WebAssembly.Global.prototype, "value"); export const f = query(() => { const was = get.call(cell); set.call(cell, was + 1); return was; });
//# an expression that is compiled anew
const word = /a/; export const f = query(({ n }) => { const was = word.source; word.compile(`b${n}`); return was; });
//# a buffer behind two views
const a = new Uint8Array(4); const b = a.subarray(2); export const f = query(() => { const was = b[0]; new Uint8Array(a.buffer)[2] += 1; return was; });
//# a stack of what is to be disposed of
const stack = new DisposableStack(); let n = 0; export const f = query(() => { const was = stack.disposed; if (!was) { stack.defer(() => { n++; }); stack.dispose(); } return [was, n]; });
//# a call that fails
let n = 0; const state = { seen: [] }; export const f = query(() => { n++; state.seen.push(n); throw new Error(`${n} ${state.seen}`); });
//# a call that fails now and then
const state = { n: 0 }; export const f = query(({ n }) => { state.n++; if (n % 2) throw new Error(`${state.n}`); return state.n; });
//# a call whose rejection nobody handles
const state = { n: 0 }; export const f = query(async ({ n }) => { state.n++; if (n % 2) void Promise.reject(new Error(`${state.n}`)); await null; return state.n; });
//# a log line of work that a module leaves behind
Promise.resolve().then(() => console.log("left behind")); export const f = query(() => 1);
//# chance in work that a module leaves behind
let n; queueMicrotask(() => { Math.random(); }); export const f = query(() => Math.random());
//# work that a module leaves behind and goes on
const state = { n: 0 }; Promise.resolve().then(() => null).then(() => null).then(() => { state.n = 1; }); export const f = query(async () => { const was = state.n; for (let i = 0; i < 9; i++) await null; return [was, state.n]; });
//# a variable with a name in a chain of stores
let a = 0; const o = { set x(v) { a = v; }, get x() { return a; } }; export const f = query(({ n }) => { const was = [a, o.x]; o.x = a += n + 1; o.x++; return was; });
//# a getter that is patched into the prototype of everything
export const f = query(() => { const was = {}.get ?? "none"; Object.prototype.get = 1; return was; });
//# a prototype that a module patched
Object.prototype.value = 5; const state = { get x() { return 1; } }; export const f = query(() => { const { x } = Object.getOwnPropertyDescriptors(state); const was = typeof x.get; Object.defineProperty(state, "x", { __proto__: null, get: undefined }); state.y = 1; return was; });
//# a method that a module patched
Array.prototype.push = function (x) { this[this.length] = x; return "mine"; }; const list = []; export const f = query(({ n }) => [list.length, list.push(n)]);
//# the readers of a module that patches what reads
const { ownKeys } = Reflect; Reflect.ownKeys = () => []; Object.is = () => true; Map.prototype.forEach = () => {}; const o = { a: 1 }, map = new Map([[1, 1]]); export const f = query(({ n }) => { const was = [ownKeys(o).length, map.size]; o[`k${n}`] = 1; map.set(n + 5, n); return was; });
//# the order of what a function has
function tool() {} export const f = query(() => { const was = Reflect.ownKeys(tool); delete tool.length; delete tool.name; return was; });
//# the setter of process.env by itself
export const f = query(() => { const was = process.env.MARKED ?? "none"; Object.getOwnPropertyDescriptor(process, "env").set.call(process, { MARKED: "yes" }); return was; });
//# the setter of a global by itself
export const f = query(() => { const was = typeof URL.marked; Object.getOwnPropertyDescriptor(globalThis, "Headers")?.set?.({ marked: 1 }); return [was, typeof Headers.marked]; });
//# the setter of a global by itself, seen later
export const f = query(({ n }) => { const was = n > 2 ? typeof Headers.marked : "early"; Object.getOwnPropertyDescriptor(globalThis, "Headers").set?.({ marked: 1 }); return was; });
//# a class that the runtime makes of replaced globals
export const f = query(({ n }) => { const was = n > 3 ? new URLSearchParams("a=1").get("a") : "early"; const { Map: before } = globalThis; globalThis.Map = class extends before { get() { return "mine"; } }; globalThis.Array = class extends Array {}; const got = n > 3 ? "late" : new URLSearchParams("a=1").get("a"); return [was, got]; });
//# a global that cannot be taken away
export const f = query(({ n }) => { const was = Object.hasOwn(globalThis, `k${n - 1}`); Object.defineProperty(globalThis, `k${n}`, { value: n }); return was; });
//# a global that is deleted
export const f = query(() => { const was = [typeof Map, Object.getOwnPropertyNames(globalThis).indexOf("Map")]; delete globalThis.Map; return was; });
//# a class of the runtime that is deleted
export const f = query(() => { const was = typeof Headers; delete globalThis.Headers; return was; });
//# how stacks are shown
export const f = query(() => { const was = typeof new Error("a").stack; Error.prepareStackTrace = () => 5; return [was, typeof new Error("b").stack]; });
//# the accessor of another error's stack
const old = new Error("a"); export const f = query(({ n }) => { const { get, set } = Object.getOwnPropertyDescriptor(new Error("b"), "stack"); const was = typeof get?.call(old); set?.call(old, n); return was; });
//# the accessor of another error's stack, its own being gone
const old = new Error("a"); delete old.stack; export const f = query(({ n }) => { const { get, set } = Object.getOwnPropertyDescriptor(new Error("b"), "stack"); const was = typeof get?.call(old); set?.call(old, n); return was; });
//# the accessor of another error's stack, its own being a value
const old = new Error("a"); Object.defineProperty(old, "stack", { value: "none" }); export const f = query(({ n }) => { const { get, set } = Object.getOwnPropertyDescriptor(new Error("b"), "stack"); const was = typeof get?.call(old); set?.call(old, n); return was; });
//# the accessor of a stack on what only had one
const old = {}; Error.captureStackTrace(old); delete old.stack; export const f = query(({ n }) => { const { get, set } = Object.getOwnPropertyDescriptor(new Error("b"), "stack"); const was = typeof get?.call(old); set?.call(old, n); return was; });
//# the accessor of a stack on what never had one
const old = {}; export const f = query(({ n }) => { const { get, set } = Object.getOwnPropertyDescriptor(new Error("b"), "stack"); const was = [typeof get?.call(old), Object.keys(old)]; try { set?.call(old, n); } catch {} return was; });
//# the accessor of a stack on what inherits from an old error
const old = new Error("a"); delete old.stack; export const f = query(({ n }) => { const { get, set } = Object.getOwnPropertyDescriptor(new Error("b"), "stack"); const young = Object.create(old); const was = typeof get?.call(young); set?.call(young, n); return was; });
//# an accessor of stacks that a module has taken
const old = new Error("a"), { get, set } = Object.getOwnPropertyDescriptor(old, "stack"); delete old.stack; export const f = query(({ n }) => { const was = typeof get?.call(old); set?.call(old, n); return was; });
//# an accessor of stacks that is called by a built-in
const old = new Error("a"); delete old.stack; export const f = query(({ n }) => { const { get, set } = Object.getOwnPropertyDescriptor(new Error("b"), "stack"); const was = get && [old].map(Function.prototype.call, get).map((it) => typeof it); Reflect.apply(set, old, [n]); return was; });
//# a stack that inherits its accessor
const old = new Error("a"); delete old.stack; export const f = query(({ n }) => { const made = new Error("b"); const was = typeof Reflect.get(made, "stack", old); Reflect.set(made, "stack", n, old); return was; });
//# a property that the accessor of a stack is put on
const old = new Error("a"); delete old.stack; export const f = query(({ n }) => { const young = Object.create(null, { stack: Object.getOwnPropertyDescriptor(new Error("b"), "stack") }); Object.setPrototypeOf(young, old); const was = typeof young.stack; young.stack = n; return was; });
//# a walk through segments of a text
const it = new Intl.Segmenter("en", { granularity: "word" }).segment("a b c d e f g")[Symbol.iterator](); export const f = query(() => it.next().value?.segment);
//# a walk through segments that a closure keeps
const next = (() => { const it = new Intl.Segmenter("en").segment("abcdefghij")[Symbol.iterator](); return () => it.next().value?.segment; })(); export const f = query(() => next());
//# a walk through segments without its prototype
const it = new Intl.Segmenter("en").segment("abcdefghij")[Symbol.iterator](), { next } = it; Object.setPrototypeOf(it, null); export const f = query(() => Reflect.apply(next, it, []).value?.segment);
//# a walk through an array without its prototype
const it = [1, 2, 3, 4, 5, 6, 7, 8][Symbol.iterator](), { next } = it; Object.setPrototypeOf(it, null); export const f = query(() => Reflect.apply(next, it, []).value);
//# a walk through matches without its prototype
const it = "abcdefghij".matchAll(/./g), { next } = it; Object.setPrototypeOf(it, Object.prototype); export const f = query(() => Reflect.apply(next, it, []).value?.[0]);
//# a walk through a text without its prototype
const it = "abcdefghij"[Symbol.iterator](), { next } = it; Object.setPrototypeOf(it, {}); export const f = query(() => Reflect.apply(next, it, []).value);
//# a helper of iterators without its prototype
const it = Iterator.from({ n: 0, next() { return { done: false, value: 1 }; } }).take(3), { next } = it; Object.setPrototypeOf(it, null); export const f = query(() => Reflect.apply(next, it, []).done);
//# what segments show
const segments = new Intl.Segmenter("en").segment("abc"); export const f = query(() => { const was = segments.n ?? 0; segments.n = was + 1; const one = segments.containing(1); return [was, one.index]; });
//# a walk through segments without its prototype, by the method of another
const it = new Intl.Segmenter("en").segment("abcdefghij")[Symbol.iterator](); Object.setPrototypeOf(it, null); export const f = query(() => { const { next } = Object.getPrototypeOf(new Intl.Segmenter("en").segment("x")[Symbol.iterator]()); return Reflect.apply(next, it, []).value?.segment; });
//# a helper of iterators without its prototype, by the method of another
const it = [1, 2, 3, 4, 5, 6, 7, 8].values().map((x) => x); Object.setPrototypeOf(it, null); export const f = query(() => { const { next } = Object.getPrototypeOf([].values().map((x) => x)); return Reflect.apply(next, it, []).value; });
//# an iterator in a wrapper without its prototype, by the method of another
let n = 0; const it = Iterator.from({ next: () => ({ done: false, value: n }) }); Object.setPrototypeOf(it, null); export const f = query(() => Reflect.apply(Object.getPrototypeOf(Iterator.from({ next() {} })).next, it, []).value);
//# a number of WebAssembly that was made for another prototype
const cell = Reflect.construct(WebAssembly.Global, [{ value: "i32", mutable: true }, 0], Object); export const f = query(() => { const { get, set } = Object.getOwnPropertyDescriptor(WebAssembly.Global.prototype, "value"); const was = get.call(cell); set.call(cell, was + 1); return was; });
//# a number of WebAssembly that was made by a class, for another prototype
class Mine extends WebAssembly.Global {} const cell = Reflect.construct(Mine, [{ value: "i32", mutable: true }, 0], Object); export const f = query(() => { const { get, set } = Object.getOwnPropertyDescriptor(WebAssembly.Global.prototype, "value"); const was = get.call(cell); set.call(cell, was + 1); return was; });
//# a number of WebAssembly whose class loses its prototype
class Mine extends WebAssembly.Global {} const cell = new Mine({ value: "i32", mutable: true }, 0); Object.setPrototypeOf(Mine.prototype, null); export const f = query(() => { const { get, set } = Object.getOwnPropertyDescriptor(WebAssembly.Global.prototype, "value"); const was = get.call(cell); set.call(cell, was + 1); return was; });
//# a number of WebAssembly whose prototype is assigned
const cell = new WebAssembly.Global({ value: "i32", mutable: true }, 0); cell.__proto__ = {}; export const f = query(() => { const { get, set } = Object.getOwnPropertyDescriptor(WebAssembly.Global.prototype, "value"); const was = get.call(cell); set.call(cell, was + 1); return was; });
//# a signal that lost its prototype
const controller = new AbortController(), { signal } = controller; Reflect.setPrototypeOf(controller, null); export const f = query(() => { const was = signal.aborted; AbortController.prototype.abort.call(controller); return was; });
