// Event, EventTarget, DOMException, AbortController, AbortSignal.
const target = new EventTarget();
const seen = [];
const one = (event) => seen.push(["one", event.type, event.target === target]);
target.addEventListener("x", one);
target.addEventListener("x", one);
target.addEventListener("x", { handleEvent() { seen.push("object"); } }, { once: true });
target.dispatchEvent(new Event("x"));
target.dispatchEvent(new Event("x"));
target.removeEventListener("x", one);
target.dispatchEvent(new Event("x"));
same("listeners", seen, [["one", "x", true], "object", ["one", "x", true]]);
target.addEventListener("y", (event) => event.preventDefault());
same("prevented", [target.dispatchEvent(new Event("y", { cancelable: true })), target.dispatchEvent(new Event("y"))], [false, true]);
target.addEventListener("z", (event) => event.stopImmediatePropagation());
target.addEventListener("z", () => seen.push("never"));
target.dispatchEvent(new Event("z"));
same("stopped", seen.length, 3);

const plain = new DOMException("m", "AbortError");
same("DOMException", [plain.name, plain.message, plain.code, plain instanceof Error, String(plain)],
  ["AbortError", "m", 20, true, "AbortError: m"]);
same("defaults", [new DOMException().name, new DOMException().code], ["Error", 0]);

const controller = new AbortController();
const reasons = [];
controller.signal.onabort = () => reasons.push("on");
controller.signal.addEventListener("abort", (event) => reasons.push(event.type));
controller.signal.throwIfAborted();
controller.abort();
controller.abort("again");
same("aborted once", [reasons, controller.signal.aborted, controller.signal.reason.name], [["on", "abort"], true, "AbortError"]);
await fails("throwIfAborted", () => controller.signal.throwIfAborted(), "AbortError");
same("AbortSignal.abort", [AbortSignal.abort().aborted, AbortSignal.abort("r").reason], [true, "r"]);
const other = new AbortController();
const both = AbortSignal.any([new AbortController().signal, other.signal]);
same("any, before", both.aborted, false);
other.abort("why");
same("any, after", [both.aborted, both.reason], [true, "why"]);
same("any of aborted", AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]).reason, 1);
await fails("no constructor", () => new AbortSignal(), "TypeError");
const off = new AbortController();
const quiet = new EventTarget();
quiet.addEventListener("x", () => seen.push("off"), { signal: off.signal });
off.abort();
quiet.addEventListener("x", () => seen.push("off"), { signal: off.signal });
quiet.dispatchEvent(new Event("x"));
same("a signal removes listeners", seen.length, 3);
