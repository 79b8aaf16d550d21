// What a query reads: indexes with their look-ups, the ranges it depends on, and where time goes.

import { jsonToConvex, type JSONValue } from "convex/values";
import { GridTable } from "../../components/GridTable";
import { Tree } from "../../components/Tree";
import { Badge } from "../../components/ui";
import { MissingIndex } from "../../components/MissingIndex";
import { bytes, count, duration } from "../../lib/format";
import type { AdminHttp } from "../../lib/http";
import type { KnownIndex, Sought } from "../../lib/missing";
import type { Identity } from "./ActAs";
import { sourceOf } from "./run";

export interface Explained {
  status: "success" | "error";
  value?: JSONValue;
  errorMessage?: string | null;
  documentsRead: number;
  bytesRead: number;
  indexes: { table: string; index: string; lookups: number; docs: number; bytes: number; tableDocs: number | null; fullScan: boolean; scans: Sought[]; tableIndexes: KnownIndex[] }[];
  readSet: { table: string; index: string; rangeText: string }[];
  cache: { dependsOnTime: boolean; dependsOnIdentity: boolean };
  steps: { name: string; ms: number }[];
  totalMs: number;
}

type Asked = { path: string; componentPath: string; args: JSONValue } | { body: string; componentPath: string };

export function explain(http: AdminHttp, asked: Asked, identity: Identity | null): Promise<Explained> {
  const what = "body" in asked ? { source: sourceOf(asked.body), componentPath: asked.componentPath, args: {} } : asked;
  return http.post<Explained>("/api/introspection/v1/explain", { ...what, ...(identity ? { identity } : {}) });
}

export function Explanation({ explained }: { explained: Explained }) {
  const { cache } = explained;
  return (
    <div className="explanation" data-testid="explanation">
      <p>
        Read {count(explained.documentsRead)} documents ({bytes(explained.bytesRead)}) in {duration(explained.totalMs)}.{" "}
        {cache.dependsOnTime && <Badge kind="warn">depends on the time: cached for moments only</Badge>}{" "}
        {cache.dependsOnIdentity && <Badge>one result a user</Badge>}
      </p>
      {explained.errorMessage && <pre className="result error">{explained.errorMessage}</pre>}
      <GridTable className="table" aria-label="Indexes">
        <thead>
          <tr>
            <th>Table</th>
            <th>Index</th>
            <th className="right">Look-ups</th>
            <th className="right">Documents</th>
            <th className="right">Bytes</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {explained.indexes.map((used) => (
            <tr key={`${used.table} ${used.index}`}>
              <td>{used.table}</td>
              <td>{used.index}</td>
              <td className="right">{count(used.lookups)}</td>
              <td className="right">
                {count(used.docs)}
                {used.tableDocs !== null && <span className="muted"> of {count(used.tableDocs)}</span>}
              </td>
              <td className="right">{bytes(used.bytes)}</td>
              <td>{used.fullScan && <Badge kind="warn">full scan</Badge>}</td>
            </tr>
          ))}
        </tbody>
      </GridTable>
      {explained.indexes.flatMap((used) =>
        used.scans.map((sought, at) => <MissingIndex key={`${used.table} ${at}`} table={used.table} sought={sought} indexes={used.tableIndexes} />),
      )}
      <h3>Depends on</h3>
      <ul>
        {explained.readSet.map((range, index) => (
          <li key={index}>
            <code>
              {range.table} {range.index} {range.rangeText}
            </code>
          </li>
        ))}
      </ul>
      <h3>Time</h3>
      <dl className="kv">
        {explained.steps.map(({ name, ms }) => (
          <div key={name} className="kv-row">
            <dt>{name}</dt>
            <dd>{duration(ms)}</dd>
          </div>
        ))}
      </dl>
      {explained.value !== undefined && explained.value !== null && <Tree value={jsonToConvex(explained.value)} name="result" />}
    </div>
  );
}
