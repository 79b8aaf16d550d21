// `convex:/_system/repl/wrappers.js`: what the source of a one-off query imports. It offers reading
// as `convex/server` does; bundles of applications bring their own copy of that package, a line
// typed into a terminal brings none.

const bytesOf = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const base64Of = (bytes) => btoa(String.fromCharCode(...bytes));
const eightBytes = (write) => {
  const view = new DataView(new ArrayBuffer(8));
  write(view);
  return base64Of(new Uint8Array(view.buffer));
};

/** A value as the server encodes it (sync-and-http 3.2). */
function encode(value) {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) throw new Error(`${value} does not fit into 64 bits`);
      return { $integer: eightBytes((view) => view.setBigInt64(0, value, true)) };
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $float: eightBytes((view) => view.setFloat64(0, value, true)) };
    case "object":
      if (value === null) return null;
      if (value instanceof ArrayBuffer) return { $bytes: base64Of(new Uint8Array(value)) };
      if (Array.isArray(value)) return value.map(encode);
      if ([Object.prototype, null].includes(Object.getPrototypeOf(value))) return encodeFields(value);
  }
  throw new Error(`${String(value)} is not a value that Convex supports`);
}

function encodeFields(object) {
  const fields = Object.entries(object).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, encode(field)]));
}

function decode(json) {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(decode);
  const entries = Object.entries(json);
  if (entries.length === 1 && typeof entries[0][1] === "string") {
    const [kind, text] = entries[0];
    if (kind === "$bytes") return bytesOf(text).buffer;
    if (kind === "$integer") return new DataView(bytesOf(text).buffer).getBigInt64(0, true);
    if (kind === "$float") return new DataView(bytesOf(text).buffer).getFloat64(0, true);
  }
  return Object.fromEntries(entries.map(([name, field]) => [name, decode(field)]));
}

const ask = async (op, args) => JSON.parse(await Convex.asyncSyscall(op, JSON.stringify(args)));
const askNow = (op, args) => JSON.parse(Convex.syscall(op, JSON.stringify(args)));
const encodeOrAbsent = (value) => (value === undefined ? { $undefined: null } : encode(value));

/** `q` of `.filter((q) => …)`. */
class Expression {
  constructor(json) {
    this.json = json;
  }
}
const expressionOf = (value) => (value instanceof Expression ? value.json : { $literal: encodeOrAbsent(value) });
const filters = { field: (path) => new Expression({ $field: path }) };
for (const name of ["eq", "neq", "lt", "lte", "gt", "gte", "add", "sub", "mul", "div", "mod"]) {
  filters[name] = (left, right) => new Expression({ [`$${name}`]: [expressionOf(left), expressionOf(right)] });
}
for (const name of ["neg", "not"]) filters[name] = (value) => new Expression({ [`$${name}`]: expressionOf(value) });
for (const name of ["and", "or"]) filters[name] = (...values) => new Expression({ [`$${name}`]: values.map(expressionOf) });

/** `q` of `.withIndex(name, (q) => …)`. */
class Range {
  bounds = [];
}
for (const type of ["Eq", "Gt", "Gte", "Lt", "Lte"]) {
  Range.prototype[type.toLowerCase()] = function (fieldPath, value) {
    this.bounds.push({ type, fieldPath, value: encodeOrAbsent(value) });
    return this;
  };
}

/** `ctx.db.query(table)`; each step gives a new one. */
class Query {
  constructor(table, source, operators) {
    this.table = table;
    this.source = source;
    this.operators = operators;
  }
  fullTableScan() {
    return this;
  }
  withIndex(name, range = (q) => q) {
    const bounds = new Range();
    range(bounds);
    const source = { type: "IndexRange", indexName: `${this.table}.${name}`, range: bounds.bounds, order: null };
    return new Query(this.table, source, this.operators);
  }
  order(order) {
    return new Query(this.table, { ...this.source, order }, this.operators);
  }
  filter(predicate) {
    return this.with({ filter: expressionOf(predicate(filters)) });
  }
  limit(limit) {
    return this.with({ limit });
  }
  with(operator) {
    return new Query(this.table, this.source, [...this.operators, operator]);
  }
  get json() {
    return { source: this.source, operators: this.operators };
  }
  async *[Symbol.asyncIterator]() {
    const { queryId } = askNow("1.0/queryStream", { query: this.json });
    try {
      for (;;) {
        const { value, done } = await ask("1.0/queryStreamNext", { queryId });
        if (done) return;
        yield decode(value);
      }
    } finally {
      askNow("1.0/queryCleanup", { queryId });
    }
  }
  async collect() {
    const documents = [];
    for await (const document of this) documents.push(document);
    return documents;
  }
  async take(count) {
    return await this.limit(count).collect();
  }
  async first() {
    return (await this.take(1))[0] ?? null;
  }
  async unique() {
    const [one, other] = await this.take(2);
    if (other !== undefined) throw new Error(`unique() query returned more than one result from table ${this.table}`);
    return one ?? null;
  }
  async count() {
    return await ask("1.0/count", { table: this.table });
  }
  async paginate({ cursor, numItems, endCursor = null, maximumRowsRead = null, maximumBytesRead }) {
    const asked = { query: this.json, cursor, endCursor, pageSize: numItems, maximumRowsRead, maximumBytesRead };
    const answer = await ask("1.0/queryPage", asked);
    return { ...answer, page: answer.page.map(decode) };
  }
}

const readOnly = (name) => () => {
  throw new Error(`ctx.${name} is not there: a one-off query only reads. Use a mutation to write.`);
};

function reader(isSystem) {
  return {
    async get(...args) {
      const [table, id] = args.length === 2 ? args : [undefined, args[0]];
      return decode(await ask("1.0/get", { id, isSystem, table }));
    },
    query: (table) => new Query(table, { type: "FullTableScan", tableName: table, order: null }, []),
    normalizeId: (table, idString) => askNow("1.0/db/normalizeId", { table, idString }).id,
  };
}

const ctx = {
  db: { ...reader(false), system: reader(true) },
  auth: { getUserIdentity: async () => await ask("1.0/getUserIdentity", { requestId: "" }) },
  storage: { getUrl: async (storageId) => await ask("1.0/storageGetUrl", { requestId: "", storageId }) },
  runQuery: async (name, args = {}) => decode(await ask("1.0/runUdf", { udfType: "query", name, args: encode(args) })),
  runMutation: readOnly("runMutation"),
  scheduler: { runAfter: readOnly("scheduler.runAfter"), runAt: readOnly("scheduler.runAt") },
};
for (const name of ["insert", "patch", "replace", "delete"]) ctx.db[name] = readOnly(`db.${name}`);

function define(definition) {
  const handler = typeof definition === "function" ? definition : definition.handler;
  const defined = async (...args) => await handler(...args);
  return Object.assign(defined, {
    isConvexFunction: true,
    isQuery: true,
    isInternal: true,
    exportArgs: () => '{"type":"any"}',
    exportReturns: () => "null",
    invokeQuery: async (args) => JSON.stringify(encode((await handler(ctx, decode(JSON.parse(args)[0]))) ?? null)),
  });
}

export const query = define;
export const internalQuery = define;
