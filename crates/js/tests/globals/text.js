// TextDecoder, atob, btoa, base64 of Uint8Array.
same("utf-8", new TextDecoder().decode(new Uint8Array([226, 130, 172, 33])), "€!");
same("a buffer", new TextDecoder("UTF8").decode(new Uint8Array([97, 98]).buffer), "ab");
same("a view of a part", new TextDecoder().decode(new Uint8Array([97, 98, 99]).subarray(1)), "bc");
same("labels", [new TextDecoder("latin1").encoding, new TextDecoder("utf-16").encoding], ["windows-1252", "utf-16le"]);
same("utf-16le", new TextDecoder("utf-16le").decode(new Uint8Array([104, 0, 105, 0])), "hi");
same("replaced", new TextDecoder().decode(new Uint8Array([255, 97])), "\ufffda");
await fails("fatal", () => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([255])), "TypeError");
await fails("an unknown label", () => new TextDecoder("nope"), "RangeError");
const bom = new Uint8Array([239, 187, 191, 97]);
same("the mark is dropped", new TextDecoder().decode(bom), "a");
same("the mark is kept", new TextDecoder("utf-8", { ignoreBOM: true }).decode(bom), "\ufeffa");
const pieces = new TextDecoder();
same("streaming", [
  pieces.decode(new Uint8Array([226, 130]), { stream: true }),
  pieces.decode(new Uint8Array([172]), { stream: true }),
  pieces.decode(),
], ["", "€", ""]);
await fails("no bytes", () => new TextDecoder().decode("text"), "TypeError");
same("encodeInto", new TextEncoder().encodeInto("a€b", new Uint8Array(4)), { read: 2, written: 4 });
same("lone surrogates", [...new TextEncoder().encode("\ud800")], [239, 191, 189]);
same("undefined is empty text", new TextEncoder().encode(undefined).length, 0);

same("btoa", [btoa("hello"), btoa(""), btoa("\xff"), btoa(null)], ["aGVsbG8=", "", "/w==", "bnVsbA=="]);
same("atob", [atob("aGVsbG8="), atob(" aGVs\nbG8 "), atob("")], ["hello", "hello", ""]);
await fails("btoa of other text", () => btoa("€"), "InvalidCharacterError");
for (const bad of ["a", "aGVsbG8==", "a=b", "$$$$", "====", "aGVsbA="]) {
  await fails(`atob of ${bad}`, () => atob(bad), "InvalidCharacterError");
}
same("toBase64", new Uint8Array([251, 255]).toBase64({ alphabet: "base64url", omitPadding: true }), "-_8");
same("fromHex", [...Uint8Array.fromHex("00ff10")], [0, 255, 16]);
same("toHex", new Uint8Array([0, 255, 16]).toHex(), "00ff10");
same("two, three and four bytes", [...new TextEncoder().encode("aö€😀")], [97, 195, 182, 226, 130, 172, 240, 159, 152, 128]);
same("encodeInto takes whole characters", new TextEncoder().encodeInto("aö€", new Uint8Array(4)), { read: 2, written: 3 });
same("the mark and a wrong byte", new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 97, 0xff])), "a\ufffd");
same("utf-16le of a sign", new TextDecoder("utf-16le").decode(new Uint8Array([97, 0, 172, 32])), "a€");
same("btoa and atob with spaces", btoa("a\xff") + atob(" YQ = = "), "Yf8=a");
