  // How actions reach the network: as Node does it, through a proxy, public addresses only. What is checked is
  // the address that is connected to, so it does not matter how it was written, which name led
  // there or who redirected; each connection is checked, also those of redirects.
  const dns = require("dns");
  const tls = require("tls");
  const CONNECT_TIME = 10000;

  /** Not for the public, or reserved: RFC 6890 and its kin, and a metadata service among the rest. */
  const PRIVATE_4 = ["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"];
  /** Of IPv6 only global unicast is public, without what embeds IPv4 or is reserved. */
  const PUBLIC_6 = ["2000::/3"];
  const PRIVATE_6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

  function blockList(subnets, type) {
    const list = new net.BlockList();
    for (const subnet of subnets) {
      const [address, bits] = subnet.split("/");
      list.addSubnet(address, Number(bits), type);
    }
    return list;
  }

  /** Which addresses may be connected to. */
  function createWall() {
    const private4 = blockList(PRIVATE_4, "ipv4");
    const public6 = blockList(PUBLIC_6, "ipv6"), private6 = blockList(PRIVATE_6, "ipv6");

    const isPublic = (address) =>
      net.isIPv4(address)
        ? !private4.check(address, "ipv4")
        : net.isIPv6(address) && public6.check(address, "ipv6") && !private6.check(address, "ipv6");

    function refusal(host) {
      const error = new Error(
        `${host} is not a public address, and this deployment lets actions reach no others (--action-network public-only)`,
      );
      error.code = "ERR_ADDRESS_NOT_PUBLIC";
      return error;
    }

    function lookup(host, options, callback) {
      dns.lookup(host, { ...options, all: true }, (error, found) => {
        if (error) return callback(error);
        const good = found.filter(({ address }) => isPublic(address));
        if (good.length === 0) return callback(refusal(host));
        return options.all ? callback(null, good) : callback(null, good[0].address, good[0].family);
      });
    }

    return { lookup, refusal, refuses: (host) => net.isIP(host) !== 0 && !isPublic(host) };
  }

  /** Waits until a socket is connected, not for ever. */
  function whenConnected(socket, host, event, callback) {
    const end = (error) => {
      socket.setTimeout(0);
      socket.off("error", end).off("timeout", late).off(event, connected);
      callback(error, error === null ? socket : undefined);
    };
    const connected = () => end(null);
    const late = () => socket.destroy(new Error(`connecting to ${host} took longer than ${CONNECT_TIME / 1000} s`));
    socket.setKeepAlive(true, 60000);
    socket.setTimeout(CONNECT_TIME, late);
    socket.once("error", end).once(event, connected);
  }

  /** Connects for Node's fetch: to allowed addresses, through the proxy if there is one. */
  function connector() {
    const wall = options.publicOnly ? createWall() : undefined;
    const allowed = new Set(options.allowed);
    const direct = new Set([...options.allowed, ...options.direct]);
    const tunnel = options.proxy ? createTunnel(options.proxy) : undefined;

    return ({ hostname, protocol, port, servername }, callback) => {
      const host = hostname.replace(/^\[|\]$/g, "");
      const secure = protocol === "https:";
      const number = Number(port) || (secure ? 443 : 80);
      const free = allowed.has(`${hostname}:${number}`);
      const near = direct.has(`${hostname}:${number}`);
      if (!free && wall?.refuses(host)) return void setImmediate(callback, wall.refusal(host));
      const safety = { servername: servername || (net.isIP(host) === 0 ? host : ""), ALPNProtocols: ["http/1.1"] };
      const start = (at) => {
        const socket = secure ? tls.connect({ ...at, ...safety }) : net.connect(at);
        whenConnected(socket, host, secure ? "secureConnect" : "connect", callback);
        return socket;
      };
      // Who has an exception is near, and no proxy's business.
      if (tunnel === undefined || near) return start({ host, port: number, ...(free || !wall ? {} : { lookup: wall.lookup }) });
      return tunnel(`${hostname}:${number}`, (error, socket) => {
        if (error) return callback(error);
        return secure ? start({ socket }) : callback(null, socket);
      });
    };
  }

  /** Node's own fetch, with connections of ours where there is something to see to. */
  function networkOf() {
    if (!options.publicOnly && !options.proxy) return {};
    // Whoever touches `Response` makes Node load its fetch, which leaves its dispatcher here.
    void Response;
    const Agent = globalThis[Symbol.for("undici.globalDispatcher.1")]?.constructor;
    if (Agent === undefined) {
      process._rawDebug("this version of Node has no dispatcher to restrict");
      process.exit(73);
    }
    return { dispatcher: new Agent({ connect: connector() }) };
  }

  const network = networkOf();
