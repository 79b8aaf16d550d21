// Hostile functions that look for the way out of the realm: to Node's objects, its process, the
// files, the network, and to code made from texts.

const REFUSED = /Code generation from strings disallowed/;
/** Whatever constructs the constructor of this value makes no code. */
const through = (title, value) => [`the constructor of ${title}`, `return (${value}).constructor.constructor("return process")();`, REFUSED];
/** Gives true where `process` is Node's: nothing may. */
const CAUGHT = "const PATHS = /\\/(work|home|root|usr|tmp|var|executor)\\//; const node = (it) => { try { return typeof it?.exit === 'function' || typeof it?.binding === 'function' || it?.constructor?.constructor !== Function && typeof it === 'function'; } catch { return false; } };";
const finds = (title, body) => [title, `${CAUGHT} ${body}`, false];
const absent = (title, expression) => [title, `return ${expression};`, /is not defined|is not a function|Cannot read properties of undefined|undefined|not supported/];

/** Values whose constructors make no code may all the same be of the main context. */
const foreign = (title, value) => [`whether ${title} is of another realm`, `const it = ${value};
  for (let at = it; at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    const own = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    if (typeof own === "function" && !(own instanceof Function)) return true;
  }
  return typeof it === "function" && !(it instanceof Function);`, false];

export const constructors = [
  foreign("console.log", "console.log"),
  foreign("atob", "atob"),
  foreign("a syscall", "Convex.syscall"),
  foreign("the environment", "process.env"),
  foreign("a clone", "structuredClone({ a: 1 })"),
  foreign("the promise of a digest", "crypto.subtle.digest('SHA-1', new Uint8Array(1))"),
  foreign("the parts of a URL", "new URL('http://a?b=1').searchParams"),
  foreign("bytes of an encoder", "new TextEncoder().encode('x')"),
  through("an object", "{}"),
  through("a function", "() => 1"),
  through("an async function", "async () => 1"),
  through("globalThis", "globalThis"),
  through("process", "process"),
  through("process.env", "process.env"),
  through("console", "console"),
  through("console.log", "console.log"),
  through("Convex", "Convex"),
  through("a syscall", "Convex.asyncSyscall"),
  through("the promise of a syscall", "Convex.asyncSyscall('x', '{}').catch(() => {}) && Convex.asyncSyscall('1.0/getUserIdentity', '{}')"),
  through("ctx", "ctx"),
  through("ctx.db", "ctx.db"),
  through("a URL", "new URL('http://a')"),
  through("the parts of a URL", "new URL('http://a?b=1').searchParams"),
  through("bytes of an encoder", "new TextEncoder().encode('x')"),
  through("the buffer of an encoder", "new TextEncoder().encode('x').buffer"),
  through("a digest", "await crypto.subtle.digest('SHA-1', new Uint8Array(1))"),
  through("a key", "await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', true, ['encrypt'])"),
  through("an event", "new Event('x')"),
  through("a signal", "AbortSignal.abort()"),
  through("the reason of a signal", "AbortSignal.abort().reason"),
  through("a clone", "structuredClone({ a: 1 })"),
  through("a stream", "new ReadableStream()"),
  through("a response", "new Response('x')"),
  through("a module of WebAssembly", "new WebAssembly.Memory({ initial: 1 }).buffer"),
  through("a store", "new AsyncLocalStorage()"),
  through("a segment", "new Intl.Segmenter().segment('x')"),
  through("import.meta, were it there", "Object(Symbol.iterator)"),
  through("a document", "(await ctx.db.query('things').first()) ?? {}"),
];

const thrower = (title, body) => finds(`the constructor of the error of ${title}`,
  `try { await (async () => { ${body} })(); } catch (e) { return node(e.constructor) || e.constructor.constructor !== Function; } return false;`);

export const errors = [
  thrower("a URL", "new URL('x')"),
  thrower("base64", "atob('$')"),
  thrower("a decoder", "new TextDecoder('x')"),
  thrower("a digest", "await crypto.subtle.digest('x', new Uint8Array(1))"),
  thrower("a key", "await crypto.subtle.importKey('raw', 1)"),
  thrower("a clone", "structuredClone(() => 1)"),
  thrower("a fetch", "await fetch('http://[::1]:1')"),
  thrower("a stack that ran out in the host", "const f = () => { new URL('http://a'); f(); }; f();"),
  thrower("a stack that ran out in the host's text", "const f = () => { new TextDecoder().decode(new Uint8Array(4)); f(); }; f();"),
  thrower("a stack that ran out in a syscall", "const f = () => { Convex.syscall('1.0/queryStream', '{}'); f(); }; f();"),
  thrower("a syscall", "Convex.syscall(1, 2)"),
  thrower("a syscall that waits", "await Convex.asyncSyscall('nope', '{}')"),
  thrower("eval", "(0, eval)('1')"),
  thrower("import()", "await import(['node', 'fs'].join(':'))"),
  thrower("WebAssembly", "new WebAssembly.Module(new Uint8Array(4))"),
  finds("frames of a stack hook", `let out = false; Error.prepareStackTrace = (_, frames) => { for (const f of frames) for (const name of ['getThis', 'getFunction']) try { const it = f[name]?.(); if (it && node(it)) out = true; if (it && it !== globalThis && it.constructor.constructor !== Function) out = true; } catch {} return ''; };
    new Error('x').stack; try { new URL('x'); } catch (e) { void e.stack; } return out;`),
  finds("frames of a hook, called by the host", `let out = false; Error.prepareStackTrace = (e, frames) => { out ||= !(e instanceof Error) || frames.constructor !== Array; return ''; }; try { const f = () => { new URL('http://a'); f(); }; f(); } catch (e) { void e.stack; } return out;`),
  finds("captureStackTrace of host objects", "for (const it of [Convex, console, process, ctx, URL]) { try { Error.captureStackTrace(it); } catch {} if (PATHS.test(String(it.stack))) return true; } return false;"),
  finds("a stack trace without limit", "Error.stackTraceLimit = Infinity; try { new URL('x'); } catch (e) { return PATHS.test(e.stack); } return false;"),
  finds("callers", "function f() { try { return node(f.caller) || node(f.arguments?.callee?.caller); } catch { return false; } } return f();"),
  finds("what calls a comparator", "let out = false; [2, 1].sort(function () { out ||= node(this); return 0; }); return out;"),
  finds("what calls a listener", "let out = false; const t = new EventTarget(); t.addEventListener('x', function (e) { out ||= node(this) || node(e.constructor.constructor('')); }); try { t.dispatchEvent(new Event('x')); } catch {} return out;"),
  finds("what calls a callback of a store", "let out = false; new AsyncLocalStorage().run(1, function () { out ||= node(this) && this !== undefined; }); return out;"),
  finds("the host's arguments, by a proxy as options", "let out = false; const spy = new Proxy({}, { get(_, n, r) { return undefined; }, getOwnPropertyDescriptor(t, n) { return undefined; }, ownKeys() { return []; } }); try { new TextDecoder('utf-8', spy); new URL('http://a', spy); } catch (e) { out = e.constructor.constructor !== Function; } return out;"),
  finds("species of what the host makes", "let out = false; class A extends Uint8Array { static get [Symbol.species]() { return function (n) { out ||= node(this); return new Uint8Array(n); }; } } try { new TextDecoder().decode(new A(4)); crypto.getRandomValues(new A(4)); } catch {} return out;"),
];

export const machine = [
  absent("process.exit", "process.exit(1)"),
  absent("process.abort", "process.abort()"),
  absent("process.kill", "process.kill(process.pid, 'SIGKILL')"),
  absent("process.reallyExit", "process.reallyExit(1)"),
  absent("process.binding", "process.binding('fs')"),
  absent("process._linkedBinding", "process._linkedBinding('fs')"),
  absent("process.dlopen", "process.dlopen({}, '/lib/x.so')"),
  absent("process.getBuiltinModule", "process.getBuiltinModule('fs')"),
  absent("process.mainModule", "process.mainModule.require('fs')"),
  absent("process.chdir", "process.chdir('/')"),
  absent("process.setuid", "process.setuid(0)"),
  absent("process.on", "process.on('exit', () => {})"),
  absent("process.nextTick", "process.nextTick(() => {})"),
  absent("process._rawDebug", "process._rawDebug('x')"),
  absent("process.report", "process.report.writeReport('/tmp/x')"),
  absent("process.stdout", "process.stdout.write('x')"),
  absent("process.send", "process.send({})"),
  absent("require", "globalThis.require('fs')"),
  absent("module", "module.constructor._load('fs')"),
  absent("Buffer", "Buffer.allocUnsafe(1e4)"),
  absent("global", "global.process.exit()"),
  absent("__dirname", "__dirname"),
  absent("setImmediate", "setImmediate(() => {})"),
  absent("Worker", "new Worker('x')"),
  absent("SharedWorker", "new SharedWorker('x')"),
  absent("WebSocket", "new WebSocket('ws://127.0.0.1')"),
  absent("EventSource", "new EventSource('http://127.0.0.1')"),
  absent("XMLHttpRequest", "new XMLHttpRequest()"),
  absent("Deno", "Deno.exit()"),
  absent("gc", "gc()"),
  absent("navigator", "navigator.hardwareConcurrency"),
  ["what process has", "return Object.getOwnPropertyNames(process).sort().join();", "env"],
  ["the environment of the server", "return Object.keys(process.env).filter((name) => /^(PATH|HOME|USER|LENTIL|NODE|INSTANCE)/.test(name)).length;", 0],
  ["the path of a variable", "return String(process.env.PATH) + String(process.env.LENTIL_NODE) + String(process.env.INSTANCE_SECRET);", "undefinedundefinedundefined"],
  ["files by import()", "return await import(['node', 'fs'].join(':')).then(() => 'got it', () => 'refused');", "refused"],
  ["processes by import()", "return await import(['child', 'process'].join('_')).then(() => 'got it', () => 'refused');", "refused"],
  ["a file URL by import()", "return await import(['file', '///etc/passwd'].join(':')).then(() => 'got it', () => 'refused');", "refused"],
  ["code of a data URL by import()", "return await import(['data', 'text/javascript,export default 1'].join(':')).then(() => 'got it', () => 'refused');", "refused"],
  ["waiting on memory", "return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1e6);", /Atomics\.wait/],
  ["a time that counts", "const a = Date.now(); for (let i = 0; i < 1e6; i++); return Date.now() - a;", 0],
  ["names of what is inside", "return Object.getOwnPropertyNames(globalThis).filter((name) => /lentil|executor|realm|host|barrier|binding/i.test(name)).length;", 0],
];

const REFUSED_ADDRESS = /fetch failed/;

/** In actions, which have a network that is `public-only` here. */
export const sockets = (port) => [
  ["the server's own port", `return await fetch("http://127.0.0.1:${port}/version").then(() => "got it");`, REFUSED_ADDRESS],
  ["its name", `return await fetch("http://localhost:${port}/version").then(() => "got it");`, REFUSED_ADDRESS],
  ["its number", `return await fetch("http://2130706433:${port}/version").then(() => "got it");`, REFUSED_ADDRESS],
  ["its address of six", `return await fetch("http://[::ffff:127.0.0.1]:${port}/version").then(() => "got it");`, REFUSED_ADDRESS],
  ["no address", `return await fetch("http://0.0.0.0:${port}/version").then(() => "got it");`, REFUSED_ADDRESS],
  ["metadata of clouds", `return await fetch("http://169.254.169.254/latest").then(() => "got it");`, REFUSED_ADDRESS],
  ["a file", `return await fetch("file:///etc/passwd").then(() => "got it");`, REFUSED_ADDRESS],
  ["a data URL", `return await fetch("data:text/plain,x").then((r) => r.text());`, /x|data:|scheme|protocol|supported|http/i],
  ["a socket of the file system", `return await fetch("unix:///tmp/x").then(() => "got it");`, REFUSED_ADDRESS],
  ["another scheme", `return await fetch("ftp://127.0.0.1/").then(() => "got it");`, REFUSED_ADDRESS],
  ["headers that smuggle", `return await fetch("http://127.0.0.1:${port}", { headers: { "a": "b\\r\\nc: d" } }).then(() => "got it");`, /header|value/i],
  ["a method that smuggles", `return await fetch("http://127.0.0.1:${port}", { method: "GET / HTTP/1.1\\r\\n" }).then(() => "got it");`, /method/i],
];

export const code = [
  ["eval", "return (eval)('1');", REFUSED],
  ["eval from afar", "return (0, eval)('1');", REFUSED],
  ["eval by another name", "return globalThis['ev' + 'al']('1');", REFUSED],
  ["Function", "return Function('return 1')();", REFUSED],
  ["new Function", "return new Function('a', 'return a')(1);", REFUSED],
  ["Function through Reflect", "return Reflect.construct(Function, ['return 1'])();", REFUSED],
  ["a class of functions", "return new (class extends Function { constructor() { super('return 1'); } })()();", REFUSED],
  ["the constructor of generators", "return (function* () {}).constructor('yield 1')().next().value;", REFUSED],
  ["the constructor of async generators", "return (async function* () {}).constructor('yield 1')().next();", REFUSED],
  ["Function, its text an object", "return Function({ toString: () => 'return 1' })();", REFUSED],
  ["a timer with a text", "setTimeout('1', 1); return 1;", /string handler|must be a function/],
  ["an interval with a text", "setInterval('1', 1); return 1;", /string handler|must be a function/],
  ["a realm of shadows", "return new ShadowRealm().evaluate('1');", /not defined/],
  ["WebAssembly that is right", "return new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,5,1,96,0,1,127,3,2,1,0,7,5,1,1,102,0,0,10,6,1,4,0,65,42,11]))).exports.f();", 42],
  ["WebAssembly that is wrong", "return new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 255])) && 1;", /WebAssembly|section/],
  ["WebAssembly that imports", "return Object.keys(new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0])), { wasi_snapshot_preview1: {} }).exports).length;", 0],
];
