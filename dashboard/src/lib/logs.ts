// The tail of the function logs: polls while somebody looks, keeps the newest, and answers what
// the page asks of them.

import type { AdminHttp } from "./http";
import { figured } from "./figured";
import { plainPath } from "./modules";

interface RawLine {
  messages: string[];
  level: string;
  timestamp: number;
  isTruncated?: boolean;
}

export interface RawEntry {
  kind?: string;
  udfType: string;
  identifier: string;
  componentPath?: string | null;
  logLines: (RawLine | string)[];
  timestamp: number;
  cachedResult?: boolean;
  /** Seconds: from first to last, in its code, and until its commit was durable. */
  executionTime?: number;
  userExecutionTime?: number;
  commitTime?: number;
  success?: { status?: string } | null;
  error?: string | null;
  requestId: string;
  executionId: string;
  parentExecutionId?: string | null;
  caller?: string;
  environment?: string;
  identityType?: string;
  usageStats?: Record<string, number>;
  returnBytes?: number | null;
  occInfo?: { tableName?: string; documentId?: string; writeSource?: string; retryCount?: number } | null;
  willRetry?: boolean;
  /** Of a mark for calls that were not kept: how many. */
  count?: number;
}

export type Level = "debug" | "info" | "log" | "warn" | "error" | "success" | "failure";

/** A line of the page: what a function logged, or how a call ended. */
export interface LogRow {
  id: number;
  at: number;
  level: Level;
  path: string;
  message: string;
  entry: RawEntry;
}

const ROWS_MAX = 10_000;
const RETRY_MS = 1_500;

let serial = 0;

const isCompletion = (entry: RawEntry) => entry.kind !== "Progress" && entry.executionTime !== undefined;

/** Stands in the kept logs for calls that were not kept. */
const isMark = (entry: RawEntry) => entry.kind === "Lost";

const LEVELS: Record<string, Level> = { DEBUG: "debug", INFO: "info", LOG: "log", WARN: "warn", ERROR: "error" };

/** Lines come as objects, or (to clients the server does not know) as `[LEVEL] text`. */
function lineOf(line: RawLine | string): { at: number | null; level: Level; message: string } {
  if (typeof line !== "string") {
    return { at: line.timestamp, level: LEVELS[line.level.toUpperCase()] ?? "log", message: line.messages.map(unquote).join(" ") };
  }
  const [, level, message] = /^\[(\w+)\] ?([\s\S]*)$/.exec(line) ?? [];
  return { at: null, level: LEVELS[level ?? ""] ?? "log", message: unquote(message ?? line) };
}

/** A logged string comes in quotes, which help nobody when it is all there is. */
function unquote(message: string): string {
  const [, single] = /^'([^']*)'$/.exec(message) ?? [];
  if (single !== undefined) return single;
  if (!message.startsWith('"')) return message;
  try {
    return String(JSON.parse(message));
  } catch {
    return message;
  }
}

/** The function, with its component before it if it is of one: `fn:@notes/` finds all of them. */
export const nameOf = (entry: Pick<RawEntry, "identifier" | "componentPath">) => figured(entry.componentPath ?? "", plainPath(entry.identifier));

export function rowsOf(entry: RawEntry): LogRow[] {
  if (isMark(entry)) {
    const message = `${entry.count ?? 0} calls before this were not kept: more came than are written down`;
    return [{ id: ++serial, at: entry.timestamp * 1000, level: "warn", path: "(kept logs)", message, entry }];
  }
  const path = nameOf(entry);
  const rows: LogRow[] = entry.logLines.map((raw) => {
    const line = lineOf(raw);
    return { id: ++serial, at: line.at ?? entry.timestamp * 1000, level: line.level, path, message: line.message, entry };
  });
  if (isCompletion(entry)) {
    const failed = Boolean(entry.error);
    const status = entry.success?.status;
    const message = entry.error ?? (status ? `answered ${status}` : entry.cachedResult ? "from cache" : "");
    rows.push({ id: ++serial, at: entry.timestamp * 1000, level: failed ? "failure" : "success", path, message, entry });
  }
  return rows;
}

type Listener = () => void;

/** One tail a deployment; it polls only while there are listeners. */
export class LogTail {
  rows: LogRow[] = [];
  error: Error | null = null;
  /** Rows that were let go of because there were too many. */
  dropped = 0;
  private cursor = 0;
  private listeners = new Set<Listener>();
  private stop: AbortController | null = null;

  constructor(private readonly http: AdminHttp) {}

  subscribe = (listener: Listener) => {
    this.listeners.add(listener);
    if (!this.stop) void this.poll((this.stop = new AbortController()));
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) {
        this.stop?.abort();
        this.stop = null;
      }
    };
  };

  clear = () => {
    this.rows = [];
    this.dropped = 0;
    this.tell();
  };

  private tell() {
    for (const listener of this.listeners) listener();
  }

  private async poll(stop: AbortController) {
    while (!stop.signal.aborted) {
      try {
        const path = `/api/stream_function_logs?cursor=${this.cursor}`;
        const { entries, newCursor } = await this.http.get<{ entries: RawEntry[]; newCursor: number }>(path, stop.signal);
        this.cursor = newCursor;
        this.take(entries);
      } catch (error) {
        if (stop.signal.aborted) return;
        this.error = error as Error;
        this.tell();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private take(entries: RawEntry[]) {
    const next = this.rows.concat(entries.flatMap(rowsOf));
    this.dropped += Math.max(0, next.length - ROWS_MAX);
    this.rows = next.slice(-ROWS_MAX);
    this.error = null;
    this.tell();
  }
}

export interface LogQuery {
  text: string[];
  functions: string[];
  levels: string[];
  requests: string[];
  ids: string[];
  minMs: number | null;
}

/** `fn:list level:error req:abc dur>200 words` as what to look for. */
export function parseQuery(text: string): LogQuery {
  const query: LogQuery = { text: [], functions: [], levels: [], requests: [], ids: [], minMs: null };
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const [, key, value] = /^(fn|level|req|id):(.+)$/.exec(word) ?? [];
    const duration = /^dur>(\d+)$/.exec(word);
    if (duration) query.minMs = Number(duration[1]);
    else if (key === "fn") query.functions.push(...value!.toLowerCase().split(","));
    else if (key === "level") query.levels.push(...value!.toLowerCase().split(","));
    else if (key === "req") query.requests.push(value!);
    else if (key) query.ids.push(value!);
    else query.text.push(word.toLowerCase());
  }
  return query;
}

/** `error` also means calls that failed: both are what somebody looking for errors looks for. */
const levelMatches = (level: Level, wanted: string) => level === wanted || (wanted === "error" && level === "failure");

export function matches(row: LogRow, query: LogQuery): boolean {
  const { entry } = row;
  if (isMark(entry)) return true;
  if (query.functions.length && !query.functions.some((part) => row.path.toLowerCase().includes(part))) return false;
  if (query.levels.length && !query.levels.some((level) => levelMatches(row.level, level))) return false;
  if (query.requests.length && !query.requests.some((id) => entry.requestId.startsWith(id))) return false;
  if (query.ids.length && !query.ids.some((id) => entry.requestId.startsWith(id) || entry.executionId.startsWith(id))) return false;
  if (query.minMs !== null && (entry.executionTime ?? 0) * 1000 < query.minMs) return false;
  if (query.text.length === 0) return true;
  const all = `${row.path} ${row.message} ${entry.requestId}`.toLowerCase();
  return query.text.every((word) => all.includes(word));
}

export const isError = (row: LogRow) => row.level === "error" || row.level === "failure";
