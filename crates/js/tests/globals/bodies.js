// Headers, Blob, File, FormData, Request, Response.
const headers = new Headers({ "Content-Type": " text/plain ", b: "2" });
headers.append("B", "3");
headers.append("set-cookie", "x=1");
headers.append("Set-Cookie", "y=2");
same("sorted and joined", [...headers], [["b", "2, 3"], ["content-type", "text/plain"], ["set-cookie", "x=1"], ["set-cookie", "y=2"]]);
same("getters", [headers.get("CONTENT-type"), headers.get("none"), headers.has("b"), headers.getSetCookie()], ["text/plain", null, true, ["x=1", "y=2"]]);
headers.set("b", "4");
headers.delete("set-cookie");
same("set, delete, copy", [...new Headers(headers).keys(), headers.get("b")], ["b", "content-type", "4"]);
await fails("a bad name", () => headers.set("a b", "1"), "TypeError");
await fails("a bad value", () => headers.set("a", "1\n2"), "TypeError");
await fails("a bad pair", () => new Headers([["a"]]), "TypeError");

const blob = new Blob(["a€", new Uint8Array([98]), new Blob(["c"])], { type: "Text/X" });
same("blob", [blob.size, blob.type, await blob.text(), [...(await blob.bytes())].length, (await blob.arrayBuffer()).byteLength], [6, "text/x", "a€bc", 6, 6]);
same("slice", [await blob.slice(-2).text(), await blob.slice(0, 1, "t/p").text(), blob.slice(0, 1, "t/p").type], ["bc", "a", "t/p"]);
const file = new File(["f"], "n.txt", { type: "text/plain", lastModified: 7 });
same("file", [file.name, file.lastModified, file instanceof Blob, new File([], "x").lastModified === Date.now()], ["n.txt", 7, true, true]);
await fails("a blob of text", () => new Blob("text"), "TypeError");

const form = new FormData();
form.append("a", 1);
form.append("a", "2");
form.append("f", blob, "up.bin");
form.set("b", "x");
form.set("b", "y");
same("form", [form.getAll("a"), form.get("b"), form.get("none"), form.has("f"), form.get("f").name, form.get("f") instanceof File], [["1", "2"], "y", null, true, "up.bin", true]);
form.delete("a");
form.append('q"', file);
same("keys", [...form.keys()], ["f", "b", 'q"']);
const sent = new Response(form);
const boundary = sent.headers.get("content-type").slice("multipart/form-data; boundary=".length);
same("multipart", await sent.text(), [
  `--${boundary}`, 'Content-Disposition: form-data; name="f"; filename="up.bin"', "Content-Type: text/x", "", "a€bc",
  `--${boundary}`, 'Content-Disposition: form-data; name="b"', "", "y",
  `--${boundary}`, 'Content-Disposition: form-data; name="q%22"; filename="n.txt"', "Content-Type: text/plain", "", "f",
  `--${boundary}--`, "",
].join("\r\n"));

const response = new Response("hé", { status: 201, statusText: "Made", headers: { x: "1" } });
same("response", [response.status, response.ok, response.statusText, response.type, response.headers.get("content-type")],
  [201, true, "Made", "default", "text/plain;charset=UTF-8"]);
const second = response.clone();
same("text", [await response.text(), response.bodyUsed, second.bodyUsed, (await second.bytes()).length, second.headers.get("x")], ["hé", true, false, 3, "1"]);
await fails("read twice", () => response.text(), "TypeError");
await fails("cloned when read", () => response.clone(), "TypeError");
same("json", [await Response.json({ a: 1 }).json(), Response.json(1).headers.get("content-type")], [{ a: 1 }, "application/json"]);
await fails("no JSON", () => Response.json(undefined), "TypeError");
await fails("bad JSON", () => new Response("{").json(), "SyntaxError");
same("redirect", [Response.redirect("http://a/b", 307).status, Response.redirect("http://a/b").headers.get("location")], [307, "http://a/b"]);
await fails("redirect with 200", () => Response.redirect("http://a", 200), "RangeError");
await fails("immutable", () => Response.redirect("http://a").headers.set("a", "1"), "TypeError");
same("error", [Response.error().type, Response.error().status, Response.error().clone().type], ["error", 0, "error"]);
for (const status of [101, 600, 200.5]) await fails(`status ${status}`, () => new Response(null, { status }), "RangeError");
await fails("204 has no body", () => new Response("", { status: 204 }), "TypeError");
same("empty", [new Response().body, await new Response().text(), (await new Response(blob).blob()).type], [null, "", "text/x"]);
same("parameters", [await new Response(new URLSearchParams("a=1")).text(), new Response(new URLSearchParams()).headers.get("content-type")],
  ["a=1", "application/x-www-form-urlencoded;charset=UTF-8"]);

const request = new Request("http://a.b/c d", { method: "post", body: "x", headers: { y: "2" } });
same("request", [request.url, request.method, request.headers.get("y"), request.mode, request.redirect, request.signal.aborted],
  ["http://a.b/c%20d", "POST", "2", "cors", "follow", false]);
const derived = new Request(request.clone(), { method: "PUT", headers: { z: "3" } });
same("derived", [derived.method, derived.headers.get("y"), await derived.text(), request.bodyUsed, await request.text()], ["PUT", null, "x", false, "x"]);
const moved = new Request("http://a", { method: "POST", body: "m" });
same("the body moves", [await new Request(moved).text(), moved.bodyUsed], ["m", true]);
await fails("GET with a body", () => new Request("http://a", { body: "x" }), "TypeError");
await fails("a bad method", () => new Request("http://a", { method: "TRACE" }), "TypeError");
await fails("credentials", () => new Request("http://u:p@a"), "TypeError");
await fails("no URL", () => new Request("/a"), "TypeError");
let refused = "";
try { await new Request("http://a", { method: "POST", body: form }).formData(); } catch (error) { refused = error.message; }
same("formData is for actions", refused.startsWith("Can't use formData() in queries and mutations"), true);
