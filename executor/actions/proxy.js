  // The proxy of what actions fetch: a tunnel (CONNECT) for every connection, also for those without
  // TLS, so that the proxy sees hosts and ports and no contents. It resolves the names.

  /** Opens tunnels through the proxy at a URL, which may have a name and a password in it. */
  function createTunnel(url) {
    const { protocol, hostname, port, username, password, host } = new URL(url);
    const { request } = require(protocol === "https:" ? "https" : "http");
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const authorization = username === "" ? {} : { "proxy-authorization": `Basic ${Buffer.from(login).toString("base64")}` };

    function failure(text, code) {
      const error = new Error(`the proxy ${host} (--action-proxy) ${text}`);
      error.code = code;
      return error;
    }

    return (authority, callback) => {
      const asked = request({
        host: hostname.replace(/^\[|\]$/g, ""),
        port: Number(port) || (protocol === "https:" ? 443 : 80),
        method: "CONNECT",
        path: authority,
        headers: { host: authority, ...authorization },
        agent: false,
        timeout: CONNECT_TIME,
      });
      asked.once("connect", (response, socket, head) => {
        socket.setTimeout(0);
        const { statusCode, statusMessage } = response;
        if (statusCode < 200 || statusCode > 299) {
          socket.destroy();
          return callback(failure(`does not connect to ${authority}: ${statusCode} ${statusMessage}`, "ERR_PROXY_REFUSED"));
        }
        if (head.length > 0) socket.unshift(head);
        return callback(null, socket);
      });
      asked.once("timeout", () => asked.destroy(new Error(`it did not answer within ${CONNECT_TIME / 1000} s`)));
      asked.once("error", (error) => callback(failure(`cannot be used: ${error.message}`, error.code ?? "ERR_PROXY")));
      asked.end();
    };
  }
