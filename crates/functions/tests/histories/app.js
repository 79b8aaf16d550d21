// The application of ../histories.rs: calls whose steps are their arguments, over the cells of a
// history. A cell is a document of `cells`, found by the index (h, k).

/** Cells of a history with k in from..below, at most so many. */
async function rows(h, from, below, order, take) {
  const range = [
    { type: "Eq", fieldPath: "h", value: h }, { type: "Gte", fieldPath: "k", value: from }, { type: "Lt", fieldPath: "k", value: below },
  ];
  const source = { type: "IndexRange", indexName: "cells.by_h_k", range, order };
  const { queryId } = JSON.parse(Convex.syscall("1.0/queryStream", JSON.stringify({ query: { source, operators: [] }, version: "1" })));
  const found = [];
  while (found.length < take) {
    const { value, done } = await call("1.0/queryStreamNext", { queryId });
    if (done) return found;
    found.push(value);
  }
  Convex.syscall("1.0/queryCleanup", JSON.stringify({ queryId }));
  return found;
}

const cell = async (h, k) => (await rows(h, k, k + 1, "asc", 2))[0];

/** One step; what it found. */
async function step(h, [verb, k, ...rest]) {
  if (verb === "range") {
    const [below, order, take] = rest;
    return (await rows(h, k, below, order, take)).map((row) => [row.k, row.v]);
  }
  if (verb === "child") return await child(h, k, rest[0]);
  const row = await cell(h, k);
  if (verb === "get") return row?.v ?? null;
  if (verb === "point") return row === undefined ? null : (await call("1.0/get", { id: row._id })).v;
  if (verb === "put") {
    if (row === undefined) await call("1.0/insert", { table: "cells", value: { h, k, v: rest[0] } });
    else await call("1.0/shallowMerge", { id: row._id, value: { v: rest[0] } });
  } else if (verb === "add") {
    if (row !== undefined) await call("1.0/replace", { id: row._id, value: { h, k, v: row.v + rest[0] } });
  } else if (verb === "remove") {
    if (row !== undefined) await call("1.0/remove", { id: row._id });
  } else throw new Error(`${verb} is no step`);
  return row?.v ?? null;
}

/** Steps in a transaction inside this one; one that fails says in its error what it had found. */
async function child(h, steps, fails) {
  try {
    return await call("1.0/runUdf", { udfType: "mutation", name: "h:play", args: { h, steps, fails } });
  } catch (error) {
    if (!fails) throw error;
    return JSON.parse(/<<(.*)>>/.exec(error.message)[1]);
  }
}

async function play({ h, steps, fails, mark }) {
  const found = [];
  for (const one of steps) found.push(await step(h, one));
  // A cell nobody reads: whoever writes has written something in the end.
  if (mark !== undefined) await call("1.0/insert", { table: "cells", value: { h, k: 1000 + mark, v: 0 } });
  if (fails) throw new Error(`<<${JSON.stringify(found)}>>`);
  return found;
}

export const look = query(play);
export { played as play };
const played = mutation(play);
export const prepare = mutation(async ({ cells }) => {
  for (const value of cells) await call("1.0/insert", { table: "cells", value });
});
