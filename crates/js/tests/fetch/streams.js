// Bodies that come and go chunk by chunk.
const response = await fetch(at + "/chunks");
const seen = [];
for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) seen.push(chunk);
same("a body that comes", [seen.join(""), response.bodyUsed], ["chunk 0;chunk 1;chunk 2;chunk 3;chunk 4;", true]);
const [one, two] = [await fetch(at + "/chunks"), await fetch(at + "/chunks")];
same("a copy", [await one.clone().text() === await one.text(), (await two.text()).length], [true, 40]);
const chunks = ["a", "b", "c"];
const body = new ReadableStream({
  async pull(controller) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (chunks.length === 0) controller.close();
    else controller.enqueue(new TextEncoder().encode(chunks.shift()));
  },
});
const sent = await (await fetch(at + "/echo", { method: "POST", body, duplex: "half" })).json();
same("a body that goes", [sent.body, sent.chunked], ["abc", "chunked"]);
const through = await fetch(at + "/echo", { method: "POST", body: (await fetch(at + "/chunks")).body, duplex: "half" });
same("from one to the other", (await through.json()).body.length, 40);
const failing = new ReadableStream({ pull() { throw new RangeError("no more"); } });
await fails("a body that fails", () => fetch(at + "/echo", { method: "POST", body: failing, duplex: "half" }), "RangeError");
const left = await fetch(at + "/endless");
const reader = left.body.getReader();
await reader.read();
await reader.cancel();
same("a body that is left", (await reader.read()).done, true);
