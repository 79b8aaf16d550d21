// Live queries of system functions as data, error or loading; an error is a state of the page and
// not the end of it.

import { useConvex, useQueries, type RequestForQueries } from "convex/react";
import { getFunctionName } from "convex/server";
import { convexToJson, type Value } from "convex/values";
import type { DefaultFunctionArgs, FunctionReference } from "convex/server";
import { useCallback, useMemo } from "react";

export interface Live<R> {
  data: R | undefined;
  error: Error | undefined;
  loading: boolean;
}

export function useLive<A extends DefaultFunctionArgs, R>(
  reference: FunctionReference<"query", "public", A, R>,
  args: A | "skip",
): Live<R> {
  const name = getFunctionName(reference);
  const key = args === "skip" ? "skip" : JSON.stringify(convexToJson(args as Value));
  const queries = useMemo(
    (): RequestForQueries => (args === "skip" ? {} : { it: { query: reference, args: args as Record<string, Value> } }),
    // The name and the text of the arguments are what the query is; their objects may be new each time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [name, key],
  );
  const result = useQueries(queries).it as R | Error | undefined;
  const error = result instanceof Error ? result : undefined;
  return {
    data: error ? undefined : (result as R | undefined),
    error,
    loading: result === undefined && args !== "skip",
  };
}

export function useCall() {
  const client = useConvex();
  return useCallback(
    <A extends DefaultFunctionArgs, R>(reference: FunctionReference<"mutation", "public", A, R>, args: A): Promise<R> =>
      client.mutation(reference, ...([args] as never)) as Promise<R>,
    [client],
  );
}

/** What a person should read of an error from the server: its sentence, without wrapping. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const data = (error as { data?: unknown }).data;
  if (typeof data === "string") return data;
  if (data && typeof data === "object" && "message" in data) return String((data as { message: unknown }).message);
  return error.message
    .replace(/^\[CONVEX [^\]]*\] /, "")
    .replace(/^\[Request ID: [^\]]*\] Server Error\s*/, "")
    .replace(/^Uncaught (Error|ConvexError): /, "")
    .replace(/\s+Called by client$/, "")
    .trim();
}
