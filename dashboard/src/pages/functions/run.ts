// Calls over HTTP, which answer with log lines beside the value.

import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import { CLIENT } from "../../session";
import type { AdminHttp } from "../../lib/http";
import type { Identity } from "./ActAs";

export type RunArgs = Record<string, Value>;

export interface RunResult {
  value?: Value;
  error?: string;
  errorData?: Value;
  logLines: string[];
  ms: number;
}

interface Answer {
  status: "success" | "error";
  value?: JSONValue;
  errorMessage?: string;
  errorData?: JSONValue;
  logLines?: string[];
}

const ENDPOINTS: Record<string, string> = { Query: "/api/query", Mutation: "/api/mutation", Action: "/api/action" };

async function post(http: AdminHttp, path: string, body: unknown, identity: Identity | null): Promise<RunResult> {
  const started = performance.now();
  const response = await fetch(http.url + path, {
    method: "POST",
    headers: { ...http.headers(identity ?? undefined), "content-type": "application/json", "Convex-Client": CLIENT },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const ms = performance.now() - started;
  let answer: Answer & { message?: string };
  try {
    answer = JSON.parse(text) as Answer;
  } catch {
    return { error: text || `the server answered ${response.status}`, logLines: [], ms };
  }
  const logLines = answer.logLines ?? [];
  if (answer.status === "success") return { value: jsonToConvex(answer.value ?? null), logLines, ms };
  const errorData = answer.errorData === undefined ? undefined : jsonToConvex(answer.errorData);
  return { error: answer.errorMessage ?? answer.message ?? `the server answered ${response.status}`, errorData, logLines, ms };
}

/** Runs a function; one of a component over the endpoint that takes its path. */
export function runOnce(http: AdminHttp, kind: string, fn: { path: string; component: string }, args: RunArgs, identity: Identity | null) {
  const request = { path: fn.path, args: [convexToJson(args)], format: "convex_encoded_json" };
  if (fn.component) return post(http, "/api/function", { ...request, componentPath: fn.component }, identity);
  return post(http, ENDPOINTS[kind] ?? "/api/function", request, identity);
}

const IMPORT = 'import { query, internalQuery } from "convex:/_system/repl/wrappers.js";\n';

/** A whole module of the body of a query. */
export const sourceOf = (body: string) => `${IMPORT}export default query({ handler: async (ctx) => {\n${body}\n} });\n`;

/** Runs the body of a query that was never pushed, in the app or in the component with that id. */
export function runSource(http: AdminHttp, body: string, componentId: string | null, identity: Identity | null): Promise<RunResult> {
  const source = sourceOf(body);
  const request = { ...(componentId === null ? {} : { componentId }), adminKey: http.key, bundle: { path: "testQuery.js", source }, args: {}, format: "convex_encoded_json" };
  return post(http, "/api/run_test_function", request, identity);
}
