// WebCrypto in actions: keys made here, alone and in pairs, and what needs real entropy.
const subtle = crypto.subtle;
const data = new TextEncoder().encode("data");
const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
const read = (bytes) => new TextDecoder().decode(bytes);

const signing = [
  [{ name: "RSASSA-PKCS1-v1_5", ...rsa }, "RSASSA-PKCS1-v1_5", "RSA"],
  [{ name: "RSA-PSS", ...rsa }, { name: "RSA-PSS", saltLength: 32 }, "RSA"],
  [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }, "EC"],
  [{ name: "ECDSA", namedCurve: "P-521" }, { name: "ECDSA", hash: "SHA-512" }, "EC"],
  ["Ed25519", "Ed25519", "OKP"],
];
for (const [made, used, kind] of signing) {
  const what = `${made.name ?? made} ${made.namedCurve ?? ""}`;
  const pair = await subtle.generateKey(made, true, ["sign", "verify"]);
  same(`${what}: a pair`, Object.keys(pair), ["publicKey", "privateKey"]);
  same(`${what}: of this realm`, pair instanceof Object, true);
  const { publicKey, privateKey } = pair;
  same(`${what}: kinds`, [publicKey.type, privateKey.type, publicKey.usages, privateKey.usages], ["public", "private", ["verify"], ["sign"]]);
  same(`${what}: keys`, [publicKey, privateKey].every((key) => key instanceof CryptoKey && `${key}` === "[object CryptoKey]"), true);
  const signature = await subtle.sign(used, privateKey, data);
  same(`${what}: verified`, await subtle.verify(used, publicKey, signature, data), true);
  same(`${what}: forged`, await subtle.verify(used, publicKey, signature, new Uint8Array(4)), false);
  const [jwk, pkcs8] = [await subtle.exportKey("jwk", publicKey), await subtle.exportKey("pkcs8", privateKey)];
  same(`${what}: exported`, [jwk.kty, "d" in jwk, pkcs8 instanceof ArrayBuffer], [kind, false, true]);
  const again = await subtle.importKey("pkcs8", pkcs8, made, false, ["sign"]);
  same(`${what}: imported`, await subtle.verify(used, publicKey, await subtle.sign(used, again, data), data), true);
  await fails(`${what}: the wrong usage`, () => subtle.sign(used, publicKey, data), "InvalidAccessError");
}
const exponent = (await subtle.generateKey(signing[0][0], false, ["sign", "verify"])).publicKey.algorithm.publicExponent;
same("the exponent", [exponent instanceof Uint8Array, [...exponent]], [true, [1, 0, 1]]);

const oaep = await subtle.generateKey({ name: "RSA-OAEP", ...rsa }, false, ["encrypt", "decrypt"]);
const sealed = await subtle.encrypt("RSA-OAEP", oaep.publicKey, data);
same("RSA-OAEP", read(await subtle.decrypt("RSA-OAEP", oaep.privateKey, sealed)), "data");

const curve = { name: "ECDH", namedCurve: "P-256" };
const [ada, ben] = [await subtle.generateKey(curve, false, ["deriveBits", "deriveKey"]), await subtle.generateKey(curve, false, ["deriveBits"])];
const bits = async (own, other) => new Uint8Array(await subtle.deriveBits({ name: "ECDH", public: other.publicKey }, own.privateKey, 256)).toHex();
same("ECDH", await bits(ada, ben), await bits(ben, ada));
const shared = await subtle.deriveKey({ name: "ECDH", public: ben.publicKey }, ada.privateKey, { name: "AES-GCM", length: 256 }, true, ["encrypt"]);
same("a derived key", [shared.type, shared.algorithm.length, (await subtle.exportKey("raw", shared)).byteLength], ["secret", 256, 32]);

for (const [name, length] of [["AES-CBC", 128], ["AES-CTR", 192], ["AES-GCM", 256]]) {
  const key = await subtle.generateKey({ name, length }, false, ["encrypt", "decrypt"]);
  const how = { name, iv: new Uint8Array(name === "AES-GCM" ? 12 : 16), counter: new Uint8Array(16), length: 64 };
  same(name, read(await subtle.decrypt(how, key, await subtle.encrypt(how, key, data))), "data");
}
const hmac = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
same("HMAC", [hmac.type, (await subtle.exportKey("raw", hmac)).byteLength], ["secret", 64]);
await fails("no usages", () => subtle.generateKey({ name: "AES-GCM", length: 128 }, true, []), "SyntaxError");
await fails("an unknown algorithm", () => subtle.generateKey("ROT13", true, ["sign"]), "NotSupportedError");
