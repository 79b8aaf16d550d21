// Redirects.
const followed = await fetch(at + "/moved", { method: "POST", body: "x", headers: { authorization: "secret" } });
const { method, body, auth } = await followed.json();
same("followed", [followed.redirected, followed.url, method, body, auth], [true, at + "/echo", "GET", "", "secret"]);
const manual = await fetch(at + "/moved", { redirect: "manual" });
same("not followed", [manual.status, manual.headers.get("location"), manual.redirected], [302, "/echo", false]);
await fails("an error", () => fetch(at + "/moved", { redirect: "error" }), "TypeError");
await fails("in a circle", () => fetch(at + "/round"), "TypeError");
