// Whatever a realm hands out, its constructors and prototypes stay inside the realm.
const FunctionHere = (() => {}).constructor;
const ObjectHere = ({}).constructor;
const roots = [];
for (const name of Object.getOwnPropertyNames(globalThis)) roots.push([name, globalThis[name]]);
roots.push(["error", new DOMException("x")], ["event", new Event("x")], ["signal", AbortSignal.abort()],
  ["url", new URL("http://a")], ["params", new URL("http://a").searchParams], ["iterator", new URLSearchParams("a=1").entries()],
  ["bytes", new TextEncoder().encode("x")], ["digest", await crypto.subtle.digest("SHA-1", new Uint8Array(1))],
  ["digesting", crypto.subtle.digest("SHA-1", new Uint8Array(1))],
  ["key", await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"])],
  ["usages", (await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", true, ["encrypt"])).usages],
  ["mark", performance.mark("x")], ["clone", structuredClone({ a: [1] })], ["env", process.env],
  ["headers", new Headers({ a: "1" })], ["pairs", new Headers({ a: "1" }).entries()], ["form", new FormData()],
  ["blob", new Blob(["x"])], ["reading", new Blob(["x"]).text()], ["file", new File(["x"], "n")],
  ["response", new Response("x")], ["stream", new ReadableStream()], ["pipes", new TransformStream()], ["body", new Response("x").body],
  ["codec", new TextEncoderStream()], ["chunk", await new Response("x").body.getReader().read()], ["reader", new ReadableStream().getReader()], ["request", new Request("http://a")], ["bytes", await new Response("x").bytes()],
  ["buffer", await new Response("x").arrayBuffer()], ["encoder", new TextEncoder()], ["decoder", new TextDecoder()],
  ["controller", new AbortController()], ["maps", structuredClone({ a: [1, new Map([[1, 2]])] })], ["storage", new AsyncLocalStorage()],
  ["pairs", new URLSearchParams("a=1")]);
const thrown = [() => new URL("x"), () => atob("$"), () => new TextDecoder("x"), () => structuredClone(() => 1),
  () => crypto.subtle.digest("x", new Uint8Array(1)), () => crypto.subtle.importKey("raw", 1), () => fetch("http://a"),
  () => now("nope", 1n), () => Convex.syscall(1), () => Convex.asyncSyscall(1), () => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([255])),
  () => (0, globalThis.eval)("1"), () => new AsyncLocalStorage().run(1, () => null.x), () => { const f = () => f(); f(); }];
for (const run of thrown) {
  try { await run(); } catch (error) { roots.push([`thrown by ${run}`, error]); }
}
const seen = new Set();
// Getters of prototypes may give promises that fail.
const calm = (value) => { if (value instanceof Promise) value.catch(() => {}); return value; };
const open = roots.filter(([, value]) => (typeof value === "object" && value !== null) || typeof value === "function");
const from = (path, value) => {
  if (((typeof value === "object" && value !== null) || typeof value === "function") && !seen.has(value)) open.push([path, value]);
};
while (open.length > 0) {
  const [path, value] = open.pop();
  if (seen.has(value) || value === wrong) continue;
  seen.add(value);
  if (typeof value === "function" && value !== FunctionHere.prototype && !(value instanceof FunctionHere)) wrong.push(`${path} is a function of another realm`);
  let last = value;
  for (let proto = Object.getPrototypeOf(value); proto !== null; proto = Object.getPrototypeOf(proto)) last = proto;
  if (last !== ObjectHere.prototype && Object.getPrototypeOf(value) !== null) wrong.push(`${path} does not inherit from this realm's Object`);
  from(`${path}.__proto__`, Object.getPrototypeOf(value));
  for (const name of Reflect.ownKeys(value)) {
    const own = Object.getOwnPropertyDescriptor(value, name);
    const at = `${path}.${String(name)}`;
    for (const part of ["value", "get", "set"]) from(at, own[part]);
    if (own.get) {
      try { from(at, calm(value[name])); } catch (error) { from(`thrown by ${at}`, error); }
    }
  }
}
const makers = [FunctionHere, (async () => {}).constructor, (function* () {}).constructor, (async function* () {}).constructor];
for (const value of seen) {
  if (typeof value !== "function") continue;
  const { constructor } = value;
  if (typeof constructor !== "function" || !/^(Async)?(Generator)?Function$/.test(constructor.name)) continue;
  if (!makers.includes(constructor)) wrong.push(`a function constructor of another realm makes ${String(value).slice(0, 60)}`);
  try {
    constructor("return 1");
    wrong.push("a function constructor made code");
  } catch (error) {
    if (!(error instanceof EvalError)) wrong.push(`${constructor.name} threw ${error}`);
  }
}
same("as many things were seen as there are at least", seen.size >= 900, true);
