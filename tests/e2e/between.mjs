// Stands between a client and a server: notes what is asked, and lets a test answer in the server's
// place or do something before the server is asked.

import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import zlib from "node:zlib";

/** Starts it; `hooks[path]` are asked once each, in order, and may give `{ status, json }`. */
export async function between(t, server, hooks = {}) {
  const seen = [];
  const stand = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const { pathname } = new URL(request.url, "http://between");
    const asked = { path: pathname, size: body.length, json: read(body, request.headers["content-encoding"]) };
    seen.push(asked);
    const answer = await hooks[pathname]?.shift()?.(asked);
    if (answer) {
      response.writeHead(answer.status, { "content-type": "application/json" });
      return response.end(JSON.stringify(answer.json));
    }
    const forwarded = http.request(
      { host: "127.0.0.1", port: server.port, method: request.method, path: request.url, headers: request.headers },
      (answered) => {
        response.writeHead(answered.statusCode, answered.headers);
        answered.pipe(response);
      },
    );
    forwarded.on("error", () => response.destroy());
    forwarded.end(body);
  });
  // WebSockets pass as they are.
  stand.on("upgrade", (request, socket, head) => {
    const onward = net.connect(server.port, "127.0.0.1", () => {
      const lines = [`${request.method} ${request.url} HTTP/1.1`];
      for (let n = 0; n < request.rawHeaders.length; n += 2) lines.push(`${request.rawHeaders[n]}: ${request.rawHeaders[n + 1]}`);
      onward.write(`${lines.join("\r\n")}\r\n\r\n`);
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    for (const end of [socket, onward]) {
      end.on("error", () => {
        socket.destroy();
        onward.destroy();
      });
    }
  });
  stand.listen(0, "127.0.0.1");
  await once(stand, "listening");
  t.after(() => {
    stand.closeAllConnections();
    stand.close();
  });
  const url = `http://127.0.0.1:${stand.address().port}`;
  return {
    url,
    seen,
    /** What `Project.convex` takes for a server. */
    server: { environment: { ...server.environment, CONVEX_SELF_HOSTED_URL: url } },
    /** Bodies that were sent to a path. */
    sent: (path) => seen.filter((asked) => asked.path === path).map((asked) => asked.json),
  };
}

function read(body, encoding) {
  try {
    return JSON.parse(encoding === "br" ? zlib.brotliDecompressSync(body) : body);
  } catch {
    // Parts of files are no JSON.
    return undefined;
  }
}
