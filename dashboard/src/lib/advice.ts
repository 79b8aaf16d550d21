// What the numbers of the server say should be looked at (C6), each with where to look.

import { figured } from "./figured";
import { dateTime, duration } from "./format";
import { keyName, type KeyUse } from "./keyUses";
import { remedyFor } from "./missing";
import type { SchemaDefinition } from "./schema";
import type { FunctionStats, Snapshot, TableStats } from "./stream";
import type { CronRunInfo } from "./system";
import { unusedIndexes, type UsageDay } from "./usage";

export interface Advice {
  id: string;
  title: string;
  text: string;
  to: string;
  /** The use of a key that can be said to be one's own. */
  accept?: { id: string; address: string };
}

/** All that is known; what is not known yet is null, and nothing is said about it. */
export interface Known {
  snapshot: Snapshot | null;
  schema: SchemaDefinition | null;
  tables: string[];
  usage: UsageDay[] | null;
  limits: { documents_read: number; bytes_read: number } | null;
  cronRuns: CronRunInfo[];
  /** Public functions that take any arguments. */
  withoutArguments: string[];
  /** Names of variables that the code speaks of, and those that are set. */
  environment: { named: string[]; set: string[] } | null;
  /** When the last backup was made, ms; null if never, undefined if that is not known. */
  lastBackup: number | null | undefined;
  /** When the key that is used here was issued, ms. */
  keyIssued: number | null;
  keyUses: KeyUse[];
  now: number;
}

const DAY_MS = 86_400_000;
const WASTED_SHARE = 0.5;
const WASTED_RERUNS = 10;
const SCANNED_ROWS = 1_000;
const ROWS_A_LOOKUP = 100;
const HIT_SHARE = 0.2;
const CALLS_A_MINUTE = 60;
const UNUSED_DAYS = 7;
const CONFLICT_SHARE = 0.05;
const CONFLICTS_MIN = 5;
const LIMIT_SHARE = 0.5;
const LAG_MS = 10_000;
const CRON_FAILURES = 3;
const BACKUP_DAYS = 7;
const KEY_DAYS = 180;
/** What the server itself puts in the environment. */
const BUILT_IN = new Set(["CONVEX_CLOUD_URL", "CONVEX_SITE_URL", "NODE_ENV"]);

const some = (names: string[]) => `${names.slice(0, 4).join(", ")}${names.length > 4 ? "…" : ""}`;
const toFunction = (path: string) => `/functions?f=${encodeURIComponent(path)}`;
const isQuery = ({ kind }: FunctionStats) => kind.toLowerCase() === "query";

function wasted(snapshot: Snapshot): Advice[] {
  return snapshot.subscriptions
    .filter((group) => group.reruns1m > WASTED_RERUNS && group.unchangedReruns1m / group.reruns1m > WASTED_SHARE)
    .map((group) => ({
      id: "A1",
      title: `${group.query} runs again for nothing`,
      text: `${group.unchangedReruns1m} of ${group.reruns1m} re-runs in the last minute gave the same result. Read less, or move the fields that change often to a table of their own.`,
      to: `/live/reactivity?query=${encodeURIComponent(group.query)}`,
    }));
}

/** As figures name it: a table of a component has the component before it. */
const nameOf = ({ component, name }: TableStats) => figured(component ?? "", name);

/** The fields of the index that the busiest scan of a table lacks, as `(a, b)`. */
export function wantedFields({ scans = [], indexes }: TableStats): string | null {
  const known = indexes.flatMap(({ name, fields }) => (Array.isArray(fields) && name !== "by_id" ? [{ name, fields }] : []));
  const missing = scans.map((scan) => remedyFor(scan, known)).find(({ kind }) => kind === "missing");
  return missing?.kind === "missing" ? `(${missing.fields.join(", ")})` : null;
}

function scanText(table: TableStats, others: string[]): string {
  const wanted = wantedFields(table);
  const [first] = table.scans ?? [];
  const by = first ? `, most of them by ${first.function}` : "";
  const has = others.length > 0 ? ` Its indexes: ${others.join(", ")}.` : "";
  if (wanted) return `${by}.${has} One on ${wanted} is missing; the line for the schema is on the page.`;
  return first && !first.filtered ? `${by}, which filters in JavaScript if at all: for what is not known.${has}` : `${by}.${has}`;
}

function scans(snapshot: Snapshot): Advice[] {
  return snapshot.tables.flatMap((table) => {
    const full = table.indexes.find(({ name }) => name === "by_creation_time");
    const others = table.indexes.filter(({ name }) => name !== "by_creation_time" && name !== "by_id");
    // Who takes the newest few reads the same index and is well advised.
    // A table without an index is told of if it is known that one would serve.
    if (!full || (others.length === 0 && !wantedFields(table)) || full.rowsScanned1m <= SCANNED_ROWS || full.rowsScanned1m < ROWS_A_LOOKUP * full.lookups1m) return [];
    return [
      {
        id: "A2",
        title: `${nameOf(table)} is scanned as a whole`,
        text: `${full.rowsScanned1m} rows were read in order of creation in the last minute, by ${full.lookups1m} reads${scanText(table, others.map(({ name }) => name))}`,
        to: `/live/tables?table=${encodeURIComponent(nameOf(table))}`,
      },
    ];
  });
}

function unused({ snapshot, usage, now }: Known): Advice[] {
  if (!snapshot || !usage) return [];
  const there = snapshot.tables.flatMap((table) => table.indexes.filter(({ name }) => !name.startsWith("by_id") && name !== "by_creation_time").map(({ name }) => `${nameOf(table)}.${name}`));
  const idle = unusedIndexes(usage, UNUSED_DAYS, now);
  const names = there.filter((name) => idle.has(name));
  if (names.length === 0) return [];
  return [
    {
      id: "A3",
      title: `${names.length === 1 ? `The index ${names[0]} has` : `${names.length} indexes have`} not been used for ${UNUSED_DAYS} days`,
      text: `Every write to the table keeps an index up to date. Take what nobody needs out of the schema: ${some(names)}.`,
      to: `/live/tables?table=${encodeURIComponent(names[0]!.split(".")[0]!)}`,
    },
  ];
}

function conflicts(snapshot: Snapshot): Advice[] {
  return snapshot.functions
    .filter(({ conflicts1m = 0, conflictFailures1m = 0, calls1m }) => conflictFailures1m > 0 || (conflicts1m >= CONFLICTS_MIN && conflicts1m > calls1m * CONFLICT_SHARE))
    .map(({ path, conflicts1m = 0, conflictFailures1m = 0, calls1m }) => ({
      id: "A4",
      title: `${path} meets others that write the same`,
      text: `${conflicts1m} conflicts in ${calls1m} calls of the last minute${conflictFailures1m ? `, and ${conflictFailures1m} calls were given up` : ""}. Split what everybody writes into several documents, or read less before writing.`,
      to: "/live/conflicts",
    }));
}

function large({ snapshot, limits }: Known): Advice[] {
  if (!snapshot || !limits) return [];
  return snapshot.functions
    .filter(isQuery)
    .filter(({ mostDocsRead = 0, mostBytesRead = 0 }) => mostDocsRead > limits.documents_read * LIMIT_SHARE || mostBytesRead > limits.bytes_read * LIMIT_SHARE)
    .map(({ path, mostDocsRead = 0, mostBytesRead = 0 }) => {
      const share = Math.max(mostDocsRead / limits.documents_read, mostBytesRead / limits.bytes_read);
      return {
        id: "A5",
        title: `${path} comes close to what a call may read`,
        text: `One run has read ${mostDocsRead} documents and ${mostBytesRead} bytes, ${Math.round(share * 100)} % of the limit. Use an index or pages before it fails.`,
        to: toFunction(path),
      };
    });
}

function uncached(snapshot: Snapshot): Advice[] {
  return snapshot.functions
    .filter((fn) => isQuery(fn) && fn.calls1m > CALLS_A_MINUTE && fn.hit1m / fn.calls1m < HIT_SHARE)
    .map((fn) => ({
      id: "A6",
      title: `${fn.path} is hardly ever answered from the cache`,
      text: `${Math.round((100 * fn.hit1m) / fn.calls1m)} % of ${fn.calls1m} calls a minute. An argument that is different each time, such as the current time, makes every call a new one.`,
      to: toFunction(fn.path),
    }));
}

function lag(snapshot: Snapshot): Advice[] {
  const ms = snapshot.schedulerLagMs ?? 0;
  if (ms <= LAG_MS) return [];
  return [
    {
      id: "A7",
      title: `Scheduled work is ${duration(ms)} late`,
      text: "More is due than runs at a time. See what is waiting, make it shorter, or raise the limit scheduled_running.",
      to: "/schedules/functions",
    },
  ];
}

const failed = ({ status }: CronRunInfo) => status?.type === "err" || status?.type === "failed";

/** Jobs whose last runs have all failed; runs come newest first. */
function crons(runs: CronRunInfo[]): Advice[] {
  const byName = new Map<string, CronRunInfo[]>();
  for (const run of runs) byName.set(run.name, [...(byName.get(run.name) ?? []), run]);
  return [...byName]
    .filter(([, own]) => own.length >= CRON_FAILURES && own.slice(0, CRON_FAILURES).every(failed))
    .map(([name]) => ({
      id: "A8",
      title: `The cron job “${name}” fails`,
      text: `Its last ${CRON_FAILURES} runs have all failed; the page shows with what.`,
      to: "/schedules/crons",
    }));
}

function open(withoutArguments: string[]): Advice[] {
  const { length } = withoutArguments;
  if (length === 0) return [];
  return [
    {
      id: "A9",
      title: `${length} public ${length === 1 ? "function takes" : "functions take"} any arguments`,
      text: `Without validators a caller can send anything: ${some(withoutArguments)}`,
      to: toFunction(withoutArguments[0]!),
    },
  ];
}

function bare({ schema, tables }: Known): Advice[] {
  const declared = new Set(schema?.tables.map(({ tableName }) => tableName));
  const names = tables.filter((name) => !declared.has(name));
  if (names.length === 0) return [];
  return [
    {
      id: "A10",
      title: `${names.length === 1 ? `The table ${names[0]} is` : `${names.length} tables are`} not in the schema`,
      text: "Documents in them are not checked, and their types are unknown to your code.",
      to: "/schema",
    },
  ];
}

function unset({ environment }: Known): Advice[] {
  const names = environment?.named.filter((name) => !environment.set.includes(name) && !BUILT_IN.has(name)) ?? [];
  if (names.length === 0) return [];
  return [
    {
      id: "A11",
      title: `${names.length === 1 ? `The environment variable ${names[0]} is` : `${names.length} environment variables are`} not set`,
      text: `The code reads ${names.length === 1 ? "it" : "them"} and finds undefined: ${some(names)}`,
      to: "/settings/environment-variables",
    },
  ];
}

/** A server that was never backed up is told of it once it has been used for so long. */
function backups({ lastBackup, usage, now }: Known): Advice[] {
  const before = now - BACKUP_DAYS * DAY_MS;
  const since = lastBackup ?? Math.min(now, ...(usage ?? []).map(({ day }) => day));
  if (lastBackup === undefined || since > before) return [];
  return [
    {
      id: "A12",
      title: lastBackup === null ? "There is no backup yet" : `The last backup is ${Math.floor((now - lastBackup) / DAY_MS)} days old`,
      text: "Take one now, or let the server take them by itself with --backup-every.",
      to: "/backups",
    },
  ];
}

function oldKey({ keyIssued, now }: Known): Advice[] {
  if (keyIssued === null || now - keyIssued < KEY_DAYS * DAY_MS) return [];
  return [
    {
      id: "A13",
      title: `Your admin key is ${Math.floor((now - keyIssued) / DAY_MS)} days old`,
      text: "Whoever has ever had it can do everything here. Print a new one with lentil keys; a new instance secret ends all old ones.",
      to: "/settings",
    },
  ];
}

function newAddresses({ keyUses }: Known): Advice[] {
  return keyUses
    .filter(({ known }) => !known)
    .map(({ _id, key, address, first, last }) => {
      const { holder, readOnly, issued } = keyName(key);
      const again = last > first ? `, last ${dateTime(last)}` : "";
      return {
        id: "A13",
        title: `An admin key was used from ${address} for the first time`,
        text: `First ${dateTime(first)}${again}: the ${readOnly ? "read-only " : ""}key of ${holder} of ${dateTime(issued)}. If none of you did that, a new instance secret ends all keys.`,
        to: "/settings",
        accept: { id: _id, address },
      };
    });
}

export function adviceFor(known: Known): Advice[] {
  const { snapshot } = known;
  const live = snapshot ? [...wasted(snapshot), ...scans(snapshot), ...conflicts(snapshot), ...uncached(snapshot), ...lag(snapshot)] : [];
  return [
    ...live,
    ...large(known),
    ...unused(known),
    ...crons(known.cronRuns),
    ...open(known.withoutArguments),
    ...bare(known),
    ...unset(known),
    ...backups(known),
    ...oldKey(known),
    ...newAddresses(known),
  ];
}
