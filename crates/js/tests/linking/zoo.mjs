// Statements of every sort around one name, for what the linker edits besides imports.

export function zoo(graph, what, name) {
  const value = graph.below(10);
  return graph.pick([
    `see(${what}, () => { class A { #p = ${value}; static n = 0; static { A.n = 2; } get p() { return this.#p; } set p(v) { this.#p = v; } has(o) { return #p in o; } }
      const a = new A(); a.p += 1; A.n++; return [a.p, A.n, a.has(a), a.has({})]; });`,
    `see(${what}, () => { const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i++); fs[0](); return fs.map((f) => f()); });`,
    `see(${what}, () => { const o = { a: { b: [1] } }; o.a.b[0] += ${value}; o?.a?.b?.push(2); delete o.a.c; o.a.d ??= 4; ({ x: o.x, ...o.rest } = { x: 1, y: 2 }); return [o.a.b, o.a.d, o.x, o.rest]; });`,
    `see(${what}, () => { function* g() { const got = yield 1; yield got; } const it = g(); return [it.next().value, it.next(${value}).value, it.next().done]; });`,
    `see(${what}, () => { let s = ""; outer: for (const a of [1, 2]) { for (const b in { x: 1, y: 2 }) { if (b === "y") continue outer; s += a + b; } } return s; });`,
    `see(${what}, () => { try { throw ${value}; } catch (e) { return [e, typeof ${name}]; } finally { void 0; } });`,
    `see(${what}, () => { class B { constructor(x) { this.x = x; this.t = new.target.name; } m() { return this.x; } } class C extends B { constructor() { super(${value}); this.y = super.m(); } } const c = new C(); return [c.x, c.y, c.t]; });`,
    `see(${what}, () => { switch (${value}) { case 1: let z = 1; return z; default: { let z = 2; return z; } } });`,
    `see(${what}, () => { const o = { get a() { return this._a ?? 0; }, set a(v) { this._a = v * 2; }, ["k" + 1]: ${value}, async *g() {}, f() { return super.toString === Object.prototype.toString; } }; o.a = 3; o.a++; return [o.a, o.k1, o.f()]; });`,
    `see(${what}, () => { let a = 1, b = 2; [a, b] = [b, a]; [a = 5, ...b] = [undefined, 3, 4]; return [a, b]; });`,
    `see(${what}, () => { const f = function inner(n) { return n ? n * inner(n - 1) : 1; }; return f(5); });`,
    `see(${what}, () => { var n = 0; const tag = (parts, ...values) => parts.raw.join("-") + values; return tag\`a\${n++}b\\n\${n++}\`; });`,
    `see(${what}, () => { const m = new (class extends Map { set(k, v) { return super.set(k, v + 1); } })(); m.set("a", 1).set("b", 2); return [...m]; });`,
    `see(${what}, () => { let i = 3; do i--; while (i > 0); while (i < 2) i++; return i; });`,
    `see(${what}, () => { const a = [3, 1, 2]; a.sort(); a.splice(1, 1); a.length = 1; Object.assign(a, { 2: 9 }); return a; });`,
    `see(${what}, () => { if (${value}) function f() { return 1; } return 2; });`.replace(/if .*? return 2;/, "{ function f() { return 1; } return f(); }"),
    `see(${what}, () => { const x = ${value}, y = 3; return x<y ? x / y > 0.5 : /[/]x/g.test("/x"); });`,
    `see(${what}, () => { let x = { n: 1 }, y = x; x.z = x = { n: 2 }; return [y.z === x, x.n]; });`,
    `see(${what}, () => { const o = {}; o[(() => "k")()] = ${value}; (o.f = () => 1).g = 2; return [o.k, o.f.g, o.f.name]; });`,
    `see(${what}, () => { var f = () => 1, g = class {}, h = function () {}; let [i = () => 1] = []; return [f.name, g.name, h.name, i.name]; });`,
    `see(${what}, () => { const x = 1\n;[1].forEach(() => 1)\nlet y = x\n++y\nreturn y });`,
    `see(${what}, () => { using r = { [Symbol.dispose]() { log.push("disposed"); } }; return ${value}; });`.replace("using r", "const r"),
  ]);
}
