// What a document id says about itself: the number of its table (function-runtime, "Ids").

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const SHAPE = /^[0-9a-hjkmnp-tv-z]{31,37}$/;

function decode(text: string): Uint8Array | null {
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) return null;
    held = (held << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
      held &= (1 << bits) - 1;
    }
  }
  return Uint8Array.from(bytes);
}

function checksum(bytes: Uint8Array): number {
  let [low, high] = [0, 0];
  for (const byte of bytes) {
    low = (low + byte) & 0xff;
    high = (high + low) & 0xff;
  }
  return (high << 8) | low;
}

/** The table number in an id, or null for text that is not an id. */
export function tableNumberOf(text: unknown): number | null {
  if (typeof text !== "string" || !SHAPE.test(text)) return null;
  const bytes = decode(text);
  if (!bytes || bytes.length < 19) return null;
  const body = bytes.subarray(0, bytes.length - 2);
  const footer = bytes[bytes.length - 2]! | (bytes[bytes.length - 1]! << 8);
  if (footer !== checksum(body)) return null;
  let [number, shift, length] = [0, 0, 0];
  for (const byte of body) {
    number += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    length++;
    if (byte < 0x80) break;
  }
  return body.length - length === 16 ? number : null;
}
