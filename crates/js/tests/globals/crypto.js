// crypto: seeded randomness, WebCrypto.
const hex = (buffer) => new Uint8Array(buffer).toHex();
const bytes = (text) => new TextEncoder().encode(text);
same("randomUUID", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()), true);
same("two differ", crypto.randomUUID() === crypto.randomUUID(), false);
const filled = new Uint32Array(64);
same("getRandomValues", [crypto.getRandomValues(filled) === filled, new Set(filled).size > 60], [true, true]);
await fails("no integers", () => crypto.getRandomValues(new Float64Array(1)), "TypeMismatchError");
await fails("too many", () => crypto.getRandomValues(new Uint8Array(65537)), "QuotaExceededError");

same("SHA-256", hex(await crypto.subtle.digest("SHA-256", bytes("abc"))),
  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
same("SHA-1", hex(await crypto.subtle.digest({ name: "SHA-1" }, bytes("abc").buffer)), "a9993e364706816aba3e25717850c26c9cd0d89d");
const key = await crypto.subtle.importKey("raw", bytes("key"), { name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"]);
const text = bytes("The quick brown fox jumps over the lazy dog");
const mac = await crypto.subtle.sign("HMAC", key, text);
same("HMAC", hex(mac), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
same("verify", [await crypto.subtle.verify("HMAC", key, mac, text), await crypto.subtle.verify("HMAC", key, mac, bytes("x"))], [true, false]);
same("the key", [key.type, key.extractable, key.algorithm.name, key.usages, key instanceof CryptoKey], ["secret", true, "HMAC", ["sign", "verify"], true]);
same("exported", hex(await crypto.subtle.exportKey("raw", key)), hex(bytes("key")));
const jwk = await crypto.subtle.exportKey("jwk", key);
same("jwk", [jwk.kty, jwk.k, jwk.alg], ["oct", "a2V5", "HS256"]);
const aes = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["encrypt", "decrypt"]);
const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, aes, bytes("secret"));
same("AES-GCM", new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, aes, sealed)), "secret");
await fails("not extractable", () => crypto.subtle.exportKey("raw", aes), "InvalidAccessError");
await fails("tampered", () => crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, aes, new Uint8Array(20)), "OperationError");
const password = await crypto.subtle.importKey("raw", bytes("password"), "PBKDF2", false, ["deriveBits"]);
same("PBKDF2", hex(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: bytes("salt"), iterations: 2 }, password, 160)),
  "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
await fails("an unknown digest", () => crypto.subtle.digest("MD5", bytes("")), "NotSupportedError");
let refused = "";
try { await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]); } catch (error) { refused = error.message; }
same("real entropy is refused", refused.startsWith("Can't use cryptographic randomness in queries and mutations"), true);
await fails("wrapKey", () => crypto.subtle.wrapKey(), "NotSupportedError");
await fails("no constructors", () => new CryptoKey(), "TypeError");
const short = await crypto.subtle.importKey("raw", bytes("key"), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
const signed = await crypto.subtle.sign("HMAC", short, bytes("data"));
same("HMAC of data", [hex(signed), await crypto.subtle.verify("HMAC", short, signed, bytes("data")), await crypto.subtle.verify("HMAC", short, signed, bytes("Data")), short.extractable, short.type],
  ["5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0", true, false, false, "secret"]);
const tagged = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, aes, bytes("hi"));
same("AES-GCM and its tag", tagged.byteLength, 18);
same("PBKDF2 once", hex(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: bytes("salt"), iterations: 1 }, password, 64)), "0c60c80f961f0e71");
let drawn = "made";
try { await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]); } catch (error) { drawn = error.message; }
same("no keys are drawn", drawn.includes("queries and mutations"), true);
same("classes", [crypto instanceof Crypto, crypto.subtle instanceof SubtleCrypto, typeof CryptoKey], [true, true, "function"]);
