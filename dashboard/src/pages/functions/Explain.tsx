// What a query reads: tables, indexes and ranges, with documents, bytes and time.

import { jsonToConvex, type JSONValue } from "convex/values";
import { Tree } from "../../components/Tree";
import { bytes, count, duration } from "../../lib/format";
import type { AdminHttp } from "../../lib/http";
import type { Identity } from "./ActAs";
import type { ReadRange } from "./run";

export interface Explained {
  result?: JSONValue;
  error?: string;
  readSet: ReadRange[];
  docs: number;
  bytes: number;
  durationMs: number;
  cacheKey?: string;
}

type Asked = { path: string; args: JSONValue } | { source: string };

export function explain(http: AdminHttp, asked: Asked, identity: Identity | null): Promise<Explained> {
  const body =
    "source" in asked
      ? {
          source: `import { query } from "convex:/_system/repl/wrappers.js";\nexport default query({ handler: async (ctx) => {\n${asked.source}\n} });\n`,
          args: {},
        }
      : asked;
  return http.post<Explained>("/api/introspection/v1/explain", { ...body, ...(identity ? { identity } : {}) });
}

export function Explanation({ explained }: { explained: Explained }) {
  return (
    <div data-testid="explanation">
      <p>
        Read {count(explained.docs)} documents ({bytes(explained.bytes)}) in {duration(explained.durationMs)}.
      </p>
      {explained.error && <pre className="result error">{explained.error}</pre>}
      <table className="table">
        <thead>
          <tr>
            <th>Table</th>
            <th>Index</th>
            <th>Range</th>
            <th className="right">Documents</th>
            <th className="right">Bytes</th>
          </tr>
        </thead>
        <tbody>
          {explained.readSet.map((range, index) => (
            <tr key={index}>
              <td>{range.table}</td>
              <td>{range.index}</td>
              <td className="mono">{range.rangeText}</td>
              <td className="right">{range.docs ?? ""}</td>
              <td className="right">{range.bytes === undefined ? "" : bytes(range.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {explained.result !== undefined && explained.result !== null && <Tree value={jsonToConvex(explained.result)} name="result" />}
    </div>
  );
}
