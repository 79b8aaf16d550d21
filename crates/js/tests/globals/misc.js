// Small globals, what is refused, and what is absent.
same("self", [self === globalThis, typeof window, typeof document, typeof Buffer, typeof require, typeof navigator, typeof setImmediate],
  [true, "undefined", "undefined", "undefined", "undefined", "undefined", "undefined"]);
await fails("eval", () => (0, globalThis.eval)("1"), "EvalError");
await fails("new Function", () => new Function("return 1"), "EvalError");
await fails("AsyncFunction", () => (async () => {}).constructor("return 1"), "EvalError");
await fails("import()", () => import("./other.js"), "TypeError");

const order = [];
queueMicrotask(() => order.push("micro"));
order.push("sync");
await null;
same("queueMicrotask", order, ["sync", "micro"]);
await fails("queueMicrotask of text", () => queueMicrotask("x"), "TypeError");

const object = {};
same("WeakRef", [new WeakRef(object).deref() === object, String(new WeakRef(object))], [true, "[object WeakRef]"]);
await fails("WeakRef of a number", () => new WeakRef(1), "TypeError");
const registry = new FinalizationRegistry(() => {});
same("FinalizationRegistry", [registry.register(object, 1), registry.unregister(object)], [undefined, false]);

const storage = new AsyncLocalStorage();
const stores = [];
await storage.run("outer", async () => {
  await null;
  stores.push(storage.getStore());
  await storage.run("inner", async () => { await call("x"); stores.push(storage.getStore()); });
  storage.exit(() => stores.push(storage.getStore() ?? null));
  stores.push(storage.getStore());
});
stores.push(storage.getStore() ?? null);
same("AsyncLocalStorage", stores, ["outer", "inner", null, "outer", null]);
await fails("what its callback throws comes out", () => storage.run(1, () => { throw new RangeError("r"); }), "RangeError");
const resource = new AsyncResource("r");
same("AsyncResource", resource.runInAsyncScope((a, b) => a + b, null, 1, 2), 3);

// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const wasm = Uint8Array.fromHex("0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b");
same("WebAssembly", [
  new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.add(2, 3),
  (await WebAssembly.instantiate(wasm)).instance.exports.add(4, 5),
  (await WebAssembly.instantiate(await WebAssembly.compile(wasm))).exports.add(6, 7),
  WebAssembly.validate(wasm),
], [5, 9, 13, true]);
await fails("broken wasm", () => WebAssembly.instantiate(new Uint8Array(4)), "CompileError");

const names = ["Math", "Date", "console", "process", "crypto", "performance", "URL", "fetch", "setTimeout", "self"];
same("replaceable", names.filter((name) => !Object.getOwnPropertyDescriptor(globalThis, name).configurable), []);
await fails("eval by its name", () => eval("1"), "EvalError");
await fails("the constructor of async functions", () => Object.getPrototypeOf(async () => {}).constructor("return 1"), "EvalError");
await fails("the constructor of constructors", () => [].constructor.constructor("return 1"), "EvalError");
same("import() says why", await import("./_deps/sdk.js").catch((error) => error.message), "dynamic module import unsupported");

const steps = [];
queueMicrotask(() => steps.push(2));
steps.push(1);
same("microtasks come before later promises", await Promise.resolve().then(() => [...steps]), [1, 2]);

const numbered = new AsyncLocalStorage();
same("stores follow asynchronous work", await numbered.run(1, async () => {
  await null;
  const inner = numbered.run(2, () => numbered.getStore());
  return [numbered.getStore(), inner, numbered.exit(() => numbered.getStore() ?? null)];
}), [1, 2, null]);
same("one argument", new AsyncResource("x").runInAsyncScope((a) => a + 1, null, 1), 2);

const nothing = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
same("an empty module", [WebAssembly.validate(nothing), new WebAssembly.Instance(new WebAssembly.Module(nothing)) instanceof WebAssembly.Instance], [true, true]);

const elsewhere = ["window", "document", "navigator", "location", "Buffer", "require", "module", "global", "__dirname", "XMLHttpRequest", "WebSocket", "Worker", "localStorage"];
same("what a browser or Node has beyond that is absent", elsewhere.filter((name) => name in globalThis), []);
same("process", Object.keys(process), ["env"]);
same("deref", new WeakRef({ a: 1 }).deref().a, 1);
new FinalizationRegistry(() => {}).register({}, 1);
