// Searches the logs that the server keeps on disk, between two moments: newest first and step by
// step, until there are enough rows to look at.

import type { AdminHttp } from "./http";
import { matches, parseQuery, rowsOf, type LogQuery, type LogRow, type RawEntry } from "./logs";

export interface Kept {
  /** Of the oldest entry; ms. */
  since: number | null;
  bytes: number;
  bytesMax: number;
  days: number;
}

interface Answer {
  entries: RawEntry[];
  next: string | null;
  lookedTo: number | null;
  /** Null when the server keeps none. */
  kept: Kept | null;
}

/** Ms; `to` is null for until now. */
interface Moments {
  from: number;
  to: number | null;
}

const ROWS_AT_ONCE = 200;
const ROWS_MAX = 10_000;

export const NOTHING = { rows: [] as LogRow[], searching: false, done: false, lookedTo: null as number | null, kept: undefined as Kept | null | undefined, error: null as Error | null };
export type Search = typeof NOTHING;

function parametersOf(query: LogQuery, { from, to }: Moments): URLSearchParams {
  const parameters = new URLSearchParams({ from: String(Math.floor(from)) });
  if (to !== null) parameters.set("to", String(Math.ceil(to)));
  const set = (name: string, value: string) => value && parameters.set(name, value);
  set("text", query.text.join(" "));
  set("functions", query.functions.join(","));
  set("levels", query.levels.join(","));
  // Several ids are told apart here.
  if (query.requests.length === 1) set("request", query.requests[0]!);
  if (query.ids.length === 1) set("id", query.ids[0]!);
  if (query.minMs !== null) set("minMs", String(query.minMs));
  return parameters;
}

/** One search; `more` goes on where it stands. */
export class KeptSearch {
  private state: Search = NOTHING;
  private next: string | null = null;
  private readonly query: LogQuery;
  private readonly stopping = new AbortController();

  constructor(
    private readonly http: AdminHttp,
    text: string,
    private readonly moments: Moments,
    private readonly tell: (state: Search) => void,
  ) {
    this.query = parseQuery(text);
  }

  stop() {
    this.stopping.abort();
  }

  private set(change: Partial<Search>) {
    if (this.stopping.signal.aborted) return;
    this.state = { ...this.state, ...change };
    this.tell(this.state);
  }

  async more() {
    if (this.state.searching || this.state.done) return;
    this.set({ searching: true, error: null });
    const wanted = this.state.rows.length + ROWS_AT_ONCE;
    try {
      while (!this.state.done && this.state.rows.length < wanted && !this.stopping.signal.aborted) await this.step();
    } catch (error) {
      this.set({ error: error as Error });
    }
    this.set({ searching: false });
  }

  private async step() {
    const parameters = parametersOf(this.query, this.moments);
    if (this.next !== null) parameters.set("before", this.next);
    const answer = await this.http.get<Answer>(`/api/introspection/v1/logs?${parameters}`, this.stopping.signal);
    const older = answer.entries.reverse().flatMap(rowsOf).filter((row) => matches(row, this.query));
    const rows = older.concat(this.state.rows);
    this.next = answer.next;
    this.set({
      rows,
      kept: answer.kept,
      lookedTo: answer.lookedTo ?? this.state.lookedTo,
      done: answer.next === null || rows.length >= ROWS_MAX,
    });
  }
}

/** All rows of one request. */
export async function rowsOfRequest(http: AdminHttp, requestId: string, signal: AbortSignal): Promise<LogRow[]> {
  const parameters = new URLSearchParams({ request: requestId, limit: "500" });
  const answer = await http.get<Answer>(`/api/introspection/v1/logs?${parameters}`, signal);
  return answer.entries.reverse().flatMap(rowsOf).filter((row) => row.entry.requestId === requestId);
}
