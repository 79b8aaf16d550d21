  // Query streams. The SDK asks for rows one by one; they come from the server in pages and are
  // handed out here, so that most rows cost no crossing. The server records as read what was
  // taken, not what was sent: each request says how much of the last page that was.
  //
  // Whatever could tell rows read ahead from rows read now (a write, a nested call, a look at the
  // metrics) takes back those that nobody has taken: they come again, as they then are.

  const PAGE_FIRST = 16, PAGE_MAX = 1024;
  /** Operations that change nothing a stream shows and measure nothing it reads. */
  const HARMLESS = {
    __proto__: null,
    "1.0/get": true,
    "1.0/getUserIdentity": true,
    "1.0/getFunctionMetadata": true,
    "1.0/getDeploymentMetadata": true,
    "1.0/getRequestMetadata": true,
    "1.0/auditLog": true,
  };
  const indexIn = uncurry(String.prototype.indexOf);
  const lastIndexIn = uncurry(String.prototype.lastIndexOf);
  const intOf = parseInt;
  const ignore = () => {};

  /** Open streams by their number, and how many of them hold a page or wait for one. */
  let streams = create(null);
  let streamCount = 0;
  let paging = 0;
  /** Streams that ended, which the server hears of with the next frame, if there is one. */
  let ended = list();

  function forgetStreams() {
    streams = create(null);
    streamCount = paging = 0;
    ended = list();
  }

  /** How many rows the first page holds: all of a `take`, which are all wanted. */
  function firstPage(args) {
    const at = lastIndexIn(args, '{"limit":');
    // A limit inside a filter's value would only make another size.
    const limit = at < 0 ? 0 : intOf(sliceText(args, at + 9, at + 14));
    return limit > PAGE_FIRST ? (limit < PAGE_MAX ? limit : PAGE_MAX) : PAGE_FIRST;
  }

  function openStream(args) {
    const id = streamCount++;
    streams[id] = {
      __proto__: null,
      id,
      /** The query, until it has crossed. */
      open: args,
      /** The last page, where its next row begins, and how many of its rows were taken. */
      page: "",
      at: 0,
      taken: 0,
      /** Nothing comes behind the page. */
      done: false,
      size: firstPage(args),
      grows: true,
      asking: false,
      /** Those who wait for rows, and how many of them asked before rows read ahead went stale. */
      waiting: list(),
      fresh: -1,
      paging: false,
    };
    return `{"queryId":${id}}`;
  }

  /** What the SDK says of the stream it reads, row after row, and the number in it. */
  let lastArgs = "";
  let lastNumber;

  function numberOf(args) {
    if (args !== lastArgs) {
      try {
        lastNumber = parse(args).queryId;
      } catch {
        throw new TypeErrorHere("Received invalid json");
      }
      lastArgs = args;
    }
    return lastNumber;
  }

  const streamAt = (number) => (typeof number === "number" ? streams[number] : undefined);

  function notePaging(stream) {
    const is = stream.asking || stream.page !== "";
    if (is !== stream.paging) paging += is ? 1 : -1;
    stream.paging = is;
  }

  const hasRow = (stream) => stream.page !== "" && stream.page[stream.at] !== "]";

  /** The next row of the page: rows are lines, all but the first begin with a comma. */
  function takeRow(stream) {
    const { page, at } = stream;
    const end = indexIn(page, "\n", at);
    const row = sliceText(page, stream.taken === 0 ? at : at + 1, end);
    stream.at = end + 1;
    stream.taken += 1;
    return `{"value":${row},"done":false}`;
  }

  function nextRow(args, resolve, reject) {
    const number = numberOf(args);
    const stream = streamAt(number);
    if (stream === undefined) {
      reject(new ErrorHere(`Query with ID ${number} not found`));
      return;
    }
    if (!stream.asking && stream.waiting.length === 0 && hasRow(stream)) {
      resolve(takeRow(stream));
      return;
    }
    stream.waiting[stream.waiting.length] = { __proto__: null, resolve, reject };
    if (!stream.asking) serve(stream);
  }

  /** Hands rows to those who wait; asks for more if they do not suffice. */
  function serve(stream) {
    const { waiting } = stream;
    const stale = stream.fresh >= 0;
    const count = stale ? stream.fresh : waiting.length;
    let served = 0;
    for (; served < count; served++) {
      if (hasRow(stream)) {
        waiting[served].resolve(takeRow(stream));
      } else if (stream.done) {
        // One more than there are rows: the end was seen.
        stream.taken += 1;
        waiting[served].resolve('{"value":null,"done":true}');
      } else {
        break;
      }
    }
    for (let i = served; i < waiting.length; i++) waiting[i - served] = waiting[i];
    waiting.length -= served;
    if (stale && served < count) {
      stream.fresh -= served;
    } else if (stale) {
      stream.fresh = -1;
      takeBack(stream);
    }
    if (stream.waiting.length > 0) askForPage(stream);
    notePaging(stream);
  }

  function askForPage(stream) {
    const { id, open, taken, size } = stream;
    const query = open === "" ? "" : `,"open":${open}`;
    if (stream.grows && size < PAGE_MAX) stream.size = size * 4;
    stream.open = stream.page = "";
    stream.taken = 0;
    stream.asking = true;
    enqueue("1.0/queryStreamPage", `{"queryId":${id},"consumed":${taken},"max":${size}${query}}`,
      (page) => pageArrived(stream, page), (error) => pageFailed(stream, error));
  }

  function pageArrived(stream, page) {
    stream.asking = false;
    stream.page = page;
    stream.at = indexIn(page, "\n", 0) + 1;
    stream.done = page[8] === "t"; // {"done":true,"values":[
    serve(stream);
  }

  function pageFailed(stream, error) {
    const { waiting } = stream;
    stream.asking = false;
    stream.waiting = list();
    stream.fresh = -1;
    notePaging(stream);
    for (let i = 0; i < waiting.length; i++) waiting[i].reject(error);
  }

  /** Says what was taken of the page; the rest will come again. */
  function takeBack(stream) {
    if (stream.page === "") return;
    enqueue("1.0/queryStreamPage", `{"queryId":${stream.id},"consumed":${stream.taken},"max":0}`, ignore, ignore);
    // As often as user code writes between its reads: rows that come again are read twice.
    stream.size = stream.taken > 1 ? stream.taken : 1;
    stream.grows = stream.done = false;
    stream.page = "";
    stream.taken = 0;
  }

  /** Before an operation that could tell rows read ahead from rows read after it. */
  function takeBackAll() {
    for (const id in streams) {
      const stream = streams[id];
      if (!stream.asking) takeBack(stream);
      else if (stream.fresh < 0) stream.fresh = stream.waiting.length;
      notePaging(stream);
    }
  }

  function closeStream(args) {
    const number = numberOf(args);
    const stream = streamAt(number);
    if (stream === undefined) return "false";
    delete streams[number];
    if (stream.paging) paging -= 1;
    if (stream.open !== "") return "true";
    const text = `{"queryId":${number},"consumed":${stream.taken}}`;
    // What is not said counts as taken, so only rows that were left have to be told of at once.
    if (hasRow(stream)) return guard(host.sync, "1.0/queryCleanup", text) === false ? "false" : "true";
    ended[ended.length] = text;
    return "true";
  }
