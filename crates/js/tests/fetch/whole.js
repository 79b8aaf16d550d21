// Bodies that are all there when they are sent.
const echoed = async (path, init) => (await fetch(at + path, init)).json();
const response = await fetch(at + "/echo");
same("response", [response.status, response.ok, response.statusText, response.url, response.redirected, response.type, response.bodyUsed],
  [200, true, "OK", at + "/echo", false, response.type, false]);
same("classes", [response instanceof Response, response.headers instanceof Headers, response.headers.get("content-type")], [true, true, "application/json"]);
same("json", (await response.json()).method, "GET");
await fails("immutable headers", () => response.headers.set("a", "b"), "TypeError");
await fails("read twice", () => response.text(), "TypeError");
same("text", [(await echoed("/echo", { method: "POST", body: "hé", headers: { x: "1" } }))],
  [{ auth: null, body: "hé", chunked: null, method: "POST", type: "text/plain;charset=UTF-8", x: "1" }]);
same("bytes", (await echoed("/echo", { method: "PUT", body: new Uint8Array([65, 66]) })).body, "AB");
same("parameters", (await echoed("/echo", { method: "POST", body: new URLSearchParams({ a: "1 2" }) })).body, "a=1+2");
const form = new FormData();
form.append("a", "1");
form.append("f", new File(["content"], "f.txt", { type: "text/plain" }));
const sent = await echoed("/echo", { method: "POST", body: form });
same("a form", [sent.type.startsWith("multipart/form-data; boundary="), sent.body.includes('filename="f.txt"'), sent.body.includes("content")], [true, true, true]);
same("a request", (await echoed("/echo", {})).method, "GET");
same("a request object", (await (await fetch(new Request(at + "/echo", { method: "DELETE" }))).json()).method, "DELETE");
same("a URL object", (await fetch(new URL("/echo", at))).status, 200);
const cookies = await fetch(at + "/cookies");
same("cookies", [cookies.headers.getSetCookie(), cookies.headers.get("x-two")], [["a=1", "b=2"], "c, d"]);
const missing = await fetch(at + "/missing");
same("not found", [missing.status, missing.ok, await missing.text()], [404, false, "not here"]);
const empty = await fetch(at + "/empty");
same("no content", [empty.status, empty.body, await empty.text()], [204, null, ""]);
const bytes = await (await fetch(at + "/missing")).bytes();
same("bytes of this realm", [bytes instanceof Uint8Array, bytes.length], [true, 8]);
same("a blob", (await (await fetch(at + "/missing")).blob()).size, 8);
const got = await (await fetch(at + "/form")).formData();
same("a form that comes", [got.get("n"), got.get("f").name, got.get("f").type, await got.get("f").text()], ["v", "a.txt", "text/plain", "hi"]);
same("many at a time", (await Promise.all(Array.from({ length: 20 }, () => echoed("/echo")))).length, 20);
