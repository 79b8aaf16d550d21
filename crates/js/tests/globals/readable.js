// ReadableStream and its default reader.
const all = async (stream) => { const out = []; for await (const chunk of stream) out.push(chunk); return out; };
let at = 0;
const counting = () => new ReadableStream({ pull(c) { at += 1; if (at > 3) c.close(); else c.enqueue(at); } });
same("pulled", await all(counting()), [1, 2, 3]);
same("from", [await all(ReadableStream.from([1, Promise.resolve(2)])), await all(ReadableStream.from((async function* () { yield "a"; })()))], [[1, 2], ["a"]]);
const held = new ReadableStream({ start(c) { c.enqueue("x"); c.enqueue("y"); c.close(); } });
const reader = held.getReader();
same("locked", held.locked, true);
await fails("two readers", () => held.getReader(), "TypeError");
same("reads", [await reader.read(), await reader.read(), await reader.read()], [{ value: "x", done: false }, { value: "y", done: false }, { done: true }]);
await reader.closed;
reader.releaseLock();
await fails("a released reader", () => reader.read(), "TypeError");
same("unlocked", held.locked, false);
const broken = new ReadableStream({ start(c) { c.enqueue(1); c.error(new RangeError("r")); } });
await fails("errored", () => all(broken), "RangeError");
await fails("start rejects", () => all(new ReadableStream({ start: async () => { throw new SyntaxError("s"); } })), "SyntaxError");
await fails("pull throws", () => all(new ReadableStream({ pull() { throw new RangeError("p"); } })), "RangeError");
let why = [];
const left = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(reason) { why.push(reason ?? "left"); } });
for await (const chunk of left) { why.push(chunk); break; }
same("leaving a loop cancels", [why, left.locked], [[1, "left"], false]);
const other = new ReadableStream({ cancel(reason) { why = reason; } });
await other.cancel("done");
same("cancelled", [why, await all(other)], ["done", []]);
let sizes = [];
new ReadableStream({ start(c) { sizes.push(c.desiredSize); c.enqueue(new Uint8Array(3)); sizes.push(c.desiredSize); } }, new ByteLengthQueuingStrategy({ highWaterMark: 10 }));
same("strategies", [sizes, new CountQueuingStrategy({ highWaterMark: 2 }).size()], [[10, 7], 1]);

const chunksOf = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};
const of = (...chunks) => new ReadableStream({ start(c) { chunks.forEach((chunk) => c.enqueue(chunk)); c.close(); } });
const bytes = new ReadableStream({ type: "bytes", start(c) { c.enqueue(new Uint8Array([1, 2, 3])); c.close(); } });
const byob = bytes.getReader({ mode: "byob" });
same("byte streams", [[...(await byob.read(new Uint8Array(2))).value], [...(await byob.read(new Uint8Array(2))).value]], [[1, 2], [3]]);
const [one, two] = of("a", "b").tee();
same("tee", [await chunksOf(one), await chunksOf(two)], [["a", "b"], ["a", "b"]]);
const written = [];
await of(1, 2).pipeTo(new WritableStream({ write: (chunk) => void written.push(chunk), close: () => void written.push("closed") }));
same("pipeTo", written, [1, 2, "closed"]);
const upper = new TransformStream({ transform: (chunk, c) => c.enqueue(chunk.toUpperCase()), flush: (c) => c.enqueue("!") });
same("pipeThrough", await chunksOf(of("a", "b").pipeThrough(upper)), ["A", "B", "!"]);
const writer = new WritableStream({ write() { throw new TypeError("full"); } }).getWriter();
writer.closed.catch(() => {});
await fails("a writer's errors", () => writer.write(1), "TypeError");
const controller = new AbortController();
const stopped = of(1).pipeTo(new WritableStream({ write: () => controller.abort() }), { signal: controller.signal });
await fails("an aborted pipe", () => stopped, "AbortError");
same("text to bytes", (await chunksOf(of("h\ud83d", "\ude00", "\ud800").pipeThrough(new TextEncoderStream()))).map((chunk) => [...chunk]),
  [[104], [240, 159, 152, 128], [239, 191, 189]]);
const halves = of(new Uint8Array([104, 240, 159]), new Uint8Array([152, 128]));
same("bytes to text", await chunksOf(halves.pipeThrough(new TextDecoderStream())), ["h", "\ud83d\ude00"]);
await fails("bytes that are no text", () => chunksOf(of(new Uint8Array([255])).pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))), "TypeError");

same("a blob's stream", await new Response(new Blob(["xy"]).stream()).text(), "xy");
const streamed = new Response(of(new Uint8Array([104]), new Uint8Array([105])));
const copy = streamed.clone();
same("bodies of streams", [await streamed.text(), await copy.text(), streamed.bodyUsed], ["hi", "hi", true]);
const whole = new Response("abc");
const reader2 = whole.body.getReader();
same("streams of bodies", [new TextDecoder().decode((await reader2.read()).value), (await reader2.read()).done, whole.bodyUsed, whole.body === whole.body],
  ["abc", true, true, true]);
await fails("a body in use", () => whole.text(), "TypeError");
const fresh = new Response("abc");
fresh.body;
same("a body that was looked at", [fresh.bodyUsed, await fresh.text()], [false, "abc"]);
await fails("a body of text chunks", () => new Response(of("x")).text(), "TypeError");
const locked = of();
locked.getReader();
await fails("a locked body", () => new Response(locked), "TypeError");
const posted = new Request("http://a", { method: "POST", body: of(new Uint8Array([120])), duplex: "half" });
same("requests of streams", await new Request(posted).text(), "x");
same("moved", posted.bodyUsed, true);
