// A mail provider that sends nothing: takes letters on port 3025, prints them, and gives a receipt.
// `npm run mail`; MAIL_TOKEN is what callers must know (default: "letters").

import http from "node:http";

const PORT = 3025;
const BYTES_MAX = 100_000;
const token = process.env.MAIL_TOKEN ?? "letters";
const taken = new Map();

const server = http.createServer(async (request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (request.method !== "POST" || request.url !== "/emails") return answer(404, { error: "POST /emails" });
  if (request.headers.authorization !== `Bearer ${token}`) return answer(401, { error: "wrong token" });
  let text = "";
  for await (const part of request) {
    text += part;
    if (text.length > BYTES_MAX) return answer(413, { error: "too long" });
  }
  const key = request.headers["idempotency-key"] ?? `${taken.size}`;
  if (!taken.has(key)) {
    taken.set(key, `letter-${taken.size + 1}`);
    console.log(text);
  }
  return answer(200, { receipt: taken.get(key) });
});

server.listen(PORT, "127.0.0.1", () => console.log(`letters are taken at http://127.0.0.1:${PORT}`));
