// What the numbers of the server say should be looked at (C6), each with where to look.

import type { AppFunction } from "./modules";
import type { SchemaDefinition } from "./schema";
import type { Snapshot } from "./stream";

export interface Advice {
  id: string;
  title: string;
  text: string;
  to: string;
}

const WASTED_SHARE = 0.5;
const WASTED_RERUNS = 10;
const SCANNED_ROWS = 1_000;
const HIT_SHARE = 0.2;
const CALLS_A_MINUTE = 60;

function fromSnapshot(snapshot: Snapshot): Advice[] {
  const wasted = snapshot.subscriptions
    .filter((group) => group.reruns1m > WASTED_RERUNS && group.unchangedReruns1m / group.reruns1m > WASTED_SHARE)
    .map((group) => ({
      id: "A1",
      title: `${group.query} runs again for nothing`,
      text: `${group.unchangedReruns1m} of ${group.reruns1m} re-runs in the last minute gave the same result. Read less, or move the fields that change often to a table of their own.`,
      to: `/live/reactivity?query=${encodeURIComponent(group.query)}`,
    }));
  const scans = snapshot.tables.flatMap((table) => {
    const full = table.indexes.find(({ name }) => name === "by_creation_time" || name === "by_id");
    const others = table.indexes.filter(({ name }) => name !== "by_creation_time" && name !== "by_id");
    if (!full || others.length === 0 || full.rowsScanned1m < SCANNED_ROWS || full.rowsScanned1m < 4 * full.rowsReturned1m) return [];
    return [
      {
        id: "A2",
        title: `${table.name} is scanned as a whole`,
        text: `${full.rowsScanned1m} rows were looked at in a minute to return ${full.rowsReturned1m}. Its indexes: ${others.map(({ name }) => name).join(", ")}.`,
        to: `/live/tables?table=${encodeURIComponent(table.name)}`,
      },
    ];
  });
  const uncached = snapshot.functions
    .filter((fn) => fn.kind.toLowerCase() === "query" && fn.calls1m > CALLS_A_MINUTE && fn.hit1m / fn.calls1m < HIT_SHARE)
    .map((fn) => ({
      id: "A6",
      title: `${fn.path} is hardly ever answered from the cache`,
      text: `${Math.round((100 * fn.hit1m) / fn.calls1m)} % of ${fn.calls1m} calls a minute. An argument that is different each time, such as the current time, makes every call a new one.`,
      to: `/functions?f=${encodeURIComponent(fn.path)}`,
    }));
  return [...wasted, ...scans, ...uncached];
}

export function adviceFor(
  snapshot: Snapshot | null,
  functions: AppFunction[],
  unvalidated: Set<string>,
  schema: SchemaDefinition | null,
  tables: string[],
): Advice[] {
  const found = snapshot ? fromSnapshot(snapshot) : [];
  const open = functions.filter((fn) => fn.visibility?.kind === "public" && unvalidated.has(fn.path));
  if (open.length > 0) {
    found.push({
      id: "A9",
      title: `${open.length} public ${open.length === 1 ? "function takes" : "functions take"} any arguments`,
      text: `Without validators a caller can send anything: ${open.slice(0, 4).map(({ path }) => path).join(", ")}${open.length > 4 ? "…" : ""}`,
      to: `/functions?f=${encodeURIComponent(open[0]!.path)}`,
    });
  }
  const declared = new Set(schema?.tables.map(({ tableName }) => tableName));
  const bare = tables.filter((name) => !declared.has(name));
  if (bare.length > 0) {
    found.push({
      id: "A10",
      title: `${bare.length === 1 ? `The table ${bare[0]} is` : `${bare.length} tables are`} not in the schema`,
      text: "Documents in them are not checked, and their types are unknown to your code.",
      to: "/schema",
    });
  }
  return found;
}
