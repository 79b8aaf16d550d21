// Every way to write an address that is not public; with the port, so that a leak would get through.
const { port } = new URL(at);
const addresses = [[127, 0, 0, 1], [127, 255, 255, 254], [10, 0, 0, 1], [10, 255, 1, 2], [172, 16, 0, 1], [172, 31, 255, 1],
  [192, 168, 0, 1], [192, 168, 255, 254], [169, 254, 169, 254], [169, 254, 0, 1], [100, 64, 0, 1], [100, 100, 100, 200],
  [0, 0, 0, 0], [0, 1, 2, 3], [192, 0, 0, 192], [198, 18, 0, 1], [224, 0, 0, 1], [239, 1, 1, 1], [240, 0, 0, 1],
  [255, 255, 255, 255], [168, 63, 129, 16], [192, 0, 2, 1], [198, 51, 100, 1], [203, 0, 113, 1]];
const hosts = new Set(["localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[fe80::1]", "[fc00::1]",
  "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]", "[2001::1]", "[3fff::1]", "[100::1]", "[fec0::1]", "[64:ff9b:1::1]",
  "127.1", "127.0.1", "0", "0x0", "\uff11\uff12\uff17.0.0.1", "127\u30020.0.1", "%31%32%37.0.0.1", "0x7f.1", "0177.1",
  "\u2460\u2461\u2466.0.0.1"]);
const hex = (n) => n.toString(16);
for (const parts of addresses) {
  const [a, b, c, d] = parts;
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const pairs = `${hex(a * 256 + b)}:${hex(c * 256 + d)}`;
  for (const host of [parts.join("."), `${parts.join(".")}.`, `${number}`, `0x${hex(number)}`, `0X${hex(number).toUpperCase()}`,
    `0${number.toString(8)}`, parts.map((n) => `0x${hex(n)}`).join("."), parts.map((n) => `0${n.toString(8)}`).join("."),
    parts.map((n) => `0x0000${hex(n)}`).join("."), parts.map((n) => `000${n.toString(8)}`).join("."),
    `${a}.${b}.${c * 256 + d}`, `${a}.${(b * 256 + c) * 256 + d}`, `0x${hex(a)}.${b}.0${c.toString(8)}.${d}`,
    `[::ffff:${parts.join(".")}]`, `[::ffff:${pairs}]`, `[0:0:0:0:0:FFFF:${pairs}]`, `[::${pairs}]`, `[64:ff9b::${pairs}]`,
    `[2002:${pairs}::1]`, `[::ffff:0:${pairs}]`, [...parts.join(".")].map((char) => `%${hex(char.charCodeAt(0))}`).join("")]) {
    hosts.add(host);
  }
}
same("forms", hosts.size >= 500, true);
const open = [];
const all = [...hosts];
await Promise.all(Array.from({ length: 20 }, async () => {
  for (let host = all.pop(); host !== undefined; host = all.pop()) {
    const error = await fetch(`http://${host}:${port}/missing`).then(() => "connected", (e) => e);
    // Not every resolver knows the name with the dot.
    if (host === "localhost." && /^(ENOTFOUND|EAI_AGAIN)$/.test(error.cause?.code)) continue;
    if (error.cause?.code !== "ERR_ADDRESS_NOT_PUBLIC") open.push([host, `${error.cause?.code ?? error}`]);
  }
}));
same("all are refused", open, []);
