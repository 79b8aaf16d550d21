// Signatures of webhooks: `t=<seconds>,v1=<hex>`, the HMAC-SHA256 of `<seconds>.<body>`.

/** A message may be so old: one that was recorded cannot be played back for ever. */
const AGE_MAX_S = 300;

function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^([0-9a-f]{2})+$/.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

/** Whether a body was signed with the secret, not long ago. */
export async function isSigned(body: string, header: string | null, secret: string): Promise<boolean> {
  const { t, v1 } = Object.fromEntries((header ?? "").split(",").map((part) => part.trim().split("=")));
  const signature = fromHex(v1 ?? "");
  if (signature === null || !(Math.abs(Date.now() / 1_000 - Number(t)) <= AGE_MAX_S)) return false;
  const bytes = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), algorithm, false, ["verify"]);
  // Compares in constant time.
  return await crypto.subtle.verify("HMAC", key, signature, bytes.encode(`${t}.${body}`));
}
