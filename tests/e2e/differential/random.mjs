// Random values, steps and schedules of the differential tests, from a seed.

/** Values of every type, in the order in which an index has them. */
export const VALUES = [
  "#absent", null, -(2n ** 63n), -5n, 0n, 7n, 2n ** 63n - 1n,
  -Infinity, -1.5, -0, 0, 5e-324, 1, 1.5, 1e300, Infinity, NaN, false, true,
  "", "\0", "\0a", "A", "a", "a\0", "a\0b", "aa", "b", "ä", "\uffff", "\u{1f600}",
  bytes(), bytes(0), bytes(0, 0), bytes(0, 1), bytes(255), [], [null], [1], [1, 2], ["a"], {}, { a: 1 }, { a: 1, b: 2 }, { a: 2 }, { b: 0 },
];

function bytes(...values) {
  return new Uint8Array(values).buffer;
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function source(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, chance: (share) => next() < share, pick: (list) => list[below(list.length)] };
}

/** Few values, so that documents meet in indexes. */
const FEW = [null, 1n, 0, 1, 2, "a", "b", true, [1], { p: 1 }];

/** One schedule: calls, each {kind, steps} or {pages, numItems}. */
export function schedule(seed) {
  const random = source(seed);
  const labels = [];
  const label = (wanted) => {
    const known = labels.filter(([, table]) => wanted === undefined || table === wanted);
    return known.length > 0 ? `@${random.pick(known)[0]}` : null;
  };
  const thing = () => {
    const value = { f: random.pick(FEW) };
    if (random.chance(0.6)) value.g = random.pick(FEW);
    if (random.chance(0.3)) value.o = { p: random.pick(FEW) };
    if (random.chance(0.2)) value.link = label() ?? "none";
    return value;
  };
  const strict = () => {
    const value = { name: random.pick(["x", "y", "z"]) };
    if (random.chance(0.4)) value.n = random.pick([1, 2.5, 3n]);
    if (random.chance(0.3)) value.kind = random.pick(["a", "b", null, "c"]);
    if (random.chance(0.3)) value.other = label(random.pick(["others", "others", "things"])) ?? "none";
    if (random.chance(0.2)) value.list = random.pick([[], [1n, 2n], [1]]);
    if (random.chance(0.2)) value.object = random.pick([{ a: true }, { a: false, b: bytes(1) }, {}, { a: true, c: 1 }]);
    if (random.chance(0.05)) delete value.name;
    if (random.chance(0.05)) value.extra = 1;
    return value;
  };
  const value = (table) => (table === "things" ? thing() : table === "strict" ? strict() : { n: random.below(4) });
  const tables = ["things", "things", "things", "strict", "others"];
  const tableOf = (name) => labels.find(([known]) => `@${known}` === name)?.[1];

  const filter = (depth = 0) => {
    const way = random.below(depth < 2 ? 5 : 2);
    if (way === 2) return ["not", filter(depth + 1)];
    if (way > 2) return [way === 3 ? "and" : "or", filter(depth + 1), filter(depth + 1)];
    return [random.pick(["eq", "neq"]), ["field", random.pick(["f", "g", "o.p", "o", "_id"])], ["value", random.pick([...FEW, label() ?? "none"])]];
  };
  const range = (fields) => {
    const bounds = [];
    for (const field of fields) {
      if (random.chance(0.5)) {
        bounds.push(["eq", field, random.chance(0.15) ? "#absent" : random.pick(FEW)]);
        continue;
      }
      if (random.chance(0.6)) bounds.push([random.pick(["gt", "gte"]), field, random.pick(FEW)]);
      if (random.chance(0.6)) bounds.push([random.pick(["lt", "lte"]), field, random.pick(FEW)]);
      break;
    }
    return bounds;
  };
  const rows = () => {
    const table = random.pick(tables);
    if (table !== "things") {
      return { table, index: table === "strict" ? "by_name" : "by_n", bounds: range([table === "strict" ? "name" : "n"]), order: random.pick([null, "asc", "desc"]) };
    }
    const [index, fields] = random.pick([[undefined, []], ["by_creation_time", []], ["by_f", ["f"]], ["by_f_g", ["f", "g"]], ["by_inner", ["o.p"]]]);
    const filters = random.chance(0.3) ? [filter()] : [];
    return { table, index, bounds: range(fields), order: random.pick([null, "asc", "desc"]), filters };
  };

  const reads = () => {
    const id = label();
    const way = random.below(id === null ? 4 : 8);
    if (way < 3) return ["find", rows(), random.pick([["collect"], ["collect"], ["first"], ["unique"], ["take", 1 + random.below(3)], ["break", 1 + random.below(3)]])];
    if (way === 3) return ["normalize", random.pick(tables), random.pick([label() ?? "x", "not an id", ""])];
    return way < 6 ? ["get", id] : ["getFrom", random.chance(0.8) ? tableOf(id) : random.pick(tables), id];
  };
  const writes = (depth) => {
    const id = label();
    const way = random.below(id === null ? 1 : 14);
    const table = id === null ? null : tableOf(id);
    if (way < 4) {
      const name = `d${labels.length}`;
      const into = random.pick(tables);
      const step = ["insert", into, name, value(into)];
      labels.push([name, into]);
      return step;
    }
    if (way === 4) {
      // Removing what the validator does not know is a known difference.
      const field = table === "things" ? random.pick(["f", "g"]) : "n";
      return ["patch", id, { [field]: random.chance(0.3) ? "#absent" : random.pick(FEW) }];
    }
    if (way === 5) return ["patchIn", random.chance(0.9) ? table : random.pick(tables), id, value(table)];
    if (way === 6) return ["replace", id, value(table)];
    if (way === 7) return ["replaceIn", random.chance(0.9) ? table : random.pick(tables), id, value(table)];
    if (way === 8) return random.chance(0.5) ? ["remove", id] : ["removeFrom", random.chance(0.9) ? table : random.pick(tables), id];
    if (way === 9) return ["together", id, { g: random.pick(FEW) }, { g: random.pick(FEW) }];
    if (way === 10) return ["unawaited", thing()];
    if (way === 11 && depth === 0) return ["ask", several(() => reads(), 3)];
    if (way > 11 && depth < 2) return ["child", several(() => step(depth + 1), 3), random.chance(0.5)];
    return ["throw", random.pick(["plain", { code: 7, big: 1n }, null, [1, "a"]])];
  };
  const step = (depth) => (random.chance(0.35) ? reads() : writes(depth));
  const several = (make, most) => Array.from({ length: 1 + random.below(most) }, make);

  return several(() => {
    const way = random.below(10);
    if (way === 0) return { rows: rows(), numItems: 1 + random.below(4) };
    if (way < 3) return { kind: "query", steps: several(reads, 3) };
    return { kind: "mutation", steps: several(() => step(0), 5) };
  }, 14);
}
