// URL and URLSearchParams.
const url = new URL("../x?q=1#h", "https://me:pw@example.com:8443/a/b/c");
same("resolved", url.href, "https://me:pw@example.com:8443/a/x?q=1#h");
same("parts", [url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port,
  url.pathname, url.search, url.hash],
["https://example.com:8443", "https:", "me", "pw", "example.com:8443", "example.com", "8443", "/a/x", "?q=1", "#h"]);
url.port = "443";
url.pathname = "/ü b";
same("setters", url.href, "https://me:pw@example.com/%C3%BC%20b?q=1#h");
url.searchParams.append("r", "a b&c");
same("parameters write through", url.search, "?q=1&r=a+b%26c");
url.search = "?z=9";
same("and read through", url.searchParams.get("z"), "9");
const params = url.searchParams;
url.href = "https://other.org/?n=1";
same("href", [params.get("n"), params === url.searchParams, url.host], ["1", true, "other.org"]);
params.delete("n");
same("nothing left", url.href, "https://other.org/");
await fails("not a URL", () => new URL("nope"), "TypeError");
await fails("href to no URL", () => { url.href = "nope"; }, "TypeError");
same("canParse", [URL.canParse("x:"), URL.canParse("/a"), URL.canParse("/a", "http://b")], [true, false, true]);
same("parse", [URL.parse("nope"), URL.parse("/a", "http://b").href], [null, "http://b/a"]);
same("punycode", new URL("http://MÜNCHEN.de/").hostname, "xn--mnchen-3ya.de");
same("JSON", JSON.stringify({ url: new URL("http://a") }), '{"url":"http://a/"}');
same("tag", [String(new URL("http://a")), Object.prototype.toString.call(new URL("http://a"))], ["http://a/", "[object URL]"]);

same("from text", [...new URLSearchParams("?a=1&b=%E2%82%AC&a=2+3&c")], [["a", "1"], ["b", "€"], ["a", "2 3"], ["c", ""]]);
same("from a record", String(new URLSearchParams({ a: 1, b: "x y" })), "a=1&b=x+y");
same("from pairs", String(new URLSearchParams([["a", "1"], ["a", "2"]])), "a=1&a=2");
same("from itself", String(new URLSearchParams(new URLSearchParams("a=1"))), "a=1");
await fails("from bad pairs", () => new URLSearchParams([["a"]]), "TypeError");
const many = new URLSearchParams("b=2&a=1&b=3&c=4");
same("getters", [many.get("b"), many.getAll("b"), many.get("x"), many.has("b", "3"), many.has("b", "4"), many.size],
  ["2", ["2", "3"], null, true, false, 4]);
many.set("b", "9");
many.sort();
same("set and sort", String(many), "a=1&b=9&c=4");
many.delete("b", "8");
many.delete("c");
same("delete", [...many.keys(), ...many.values()], ["a", "b", "1", "9"]);
const seen = [];
many.forEach((value, name, self) => seen.push(name + value + (self === many)));
same("forEach", seen, ["a1true", "b9true"]);
same("escapes", String(new URLSearchParams([["*-._ ~'", "é%"]])), "*-._+%7E%27=%C3%A9%25");
same("broken escapes stay", new URLSearchParams("a=%zz%4").get("a"), "%zz%4");
same("normalised", new URL("../b?x=1#h", "HTTP://User:pw@Exämple.com:80/a/c").href, "http://User:pw@xn--exmple-cua.com/b?x=1#h");
const built = new URL("https://a.b/c");
built.port = "8080";
built.hash = "z";
built.searchParams.append("q", "ä &");
same("built", built.href, "https://a.b:8080/c?q=%C3%A4+%26#z");
const asked = new URL("https://a.b/?x=1&x=2&y=");
same("asked", [asked.origin, asked.searchParams.getAll("x"), asked.searchParams.get("y"), asked.searchParams.has("z")], ["https://a.b", ["1", "2"], "", false]);
same("pairs in their order", [...new URLSearchParams({ b: "2", a: "1 1" })].join(";"), "b,2;a,1 1");
const sorted = new URLSearchParams("b=2&a=1&b=3");
sorted.sort();
sorted.delete("b", "2");
same("sorted, and one of two deleted", `${sorted} ${sorted.size}`, "a=1&b=3 2");
same("canParse of a path", [URL.canParse("nope"), URL.canParse("/x", "http://h"), JSON.stringify({ u: new URL("http://h") })], [false, true, '{"u":"http://h/"}']);
