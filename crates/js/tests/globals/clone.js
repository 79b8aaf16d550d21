// structuredClone.
const from = { n: 1, big: 2n, d: new Date(5), r: /a/gi, m: new Map([[{ k: 1 }, new Set([1])]]), u: undefined, a: [1, , 3] };
from.self = from;
const copy = structuredClone(from);
same("cycles", [copy !== from, copy.self === copy], [true, true]);
same("kinds", [copy.n, String(copy.big), copy.d.getTime(), copy.d instanceof Date, String(copy.r), "u" in copy], [1, "2", 5, true, "/a/gi", true]);
same("maps and sets", [...copy.m].map(([k, v]) => [k, [...v]]), [[{ k: 1 }, [1]]]);
same("holes", [copy.a.length, 1 in copy.a], [3, false]);
const bytes = structuredClone(new Uint8Array([1, 2, 3, 4]).subarray(1, 3));
same("views", [bytes instanceof Uint8Array, [...bytes], bytes.buffer.byteLength], [true, [2, 3], 4]);
const error = structuredClone(new RangeError("r", { cause: { c: 1 } }));
same("errors", [error instanceof RangeError, error.message, error.cause], [true, "r", { c: 1 }]);
class Point { constructor() { this.x = 1; } get y() { return 2; } }
same("classes become plain", [structuredClone(new Point()), Object.getPrototypeOf(structuredClone(new Point())) === Object.prototype], [{ x: 1 }, true]);
same("boxes", [typeof structuredClone(new String("s")), structuredClone(new Number(4)).valueOf()], ["object", 4]);
const own = structuredClone(JSON.parse('{"__proto__": {"a": 1}}'));
same("__proto__ is a name", [Object.keys(own), Object.getPrototypeOf(own) === Object.prototype], [["__proto__"], true]);
for (const bad of [() => 1, Symbol("s"), { f() {} }, { s: Symbol() }, new WeakMap(), Promise.resolve()]) {
  await fails("what has no copy", () => structuredClone(bad), "DataCloneError");
}
const small = structuredClone({ b: new Uint8Array([1]), n: null, m: new Map([[1, new Set([2])]]), d: new Date(5) });
same("bytes, null and sets in maps", [small.b[0], small.n, small.m.get(1).has(2), small.d instanceof Date], [1, null, true, true]);
