// Tables by size as areas that glow with reads and flash with writes; and their indexes.

import { hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { IndexBadge } from "../../components/IndexBadge";
import { Badge, Empty, Loading, Problem, Time } from "../../components/ui";
import { figured } from "../../lib/figured";
import { bytes, count } from "../../lib/format";
import { latest } from "../../lib/indexes";
import { stepKey, useFeed, useIndexSteps, useSnapshot, type IndexStats, type TableStats } from "../../lib/stream";
import type { ViewProps } from "./Live";

const HEIGHT = 320;
const FLASH_MS = 900;
const UNUSED_MS = 7 * 86_400_000;

export function Tables({ paused }: ViewProps) {
  const { snapshot, error } = useSnapshot(paused);
  const [params, setParams] = useSearchParams();
  if (error && !snapshot) return <Problem error={error} />;
  if (!snapshot) return <Loading />;
  const tables = [...snapshot.tables].sort((a, b) => b.bytes - a.bytes);
  if (tables.length === 0) return <Empty title="No tables yet" />;
  const chosen = tables.find((table) => nameOf(table) === params.get("table")) ?? tables[0]!;
  return (
    <>
      <TreeMap tables={tables} chosen={nameOf(chosen)} onChoose={(name) => setParams({ table: name }, { replace: true })} />
      <TablePanel table={chosen} />
    </>
  );
}

/** As figures name it: a table of a component has the component before it. */
const nameOf = ({ component, name }: TableStats) => figured(component ?? "", name);

interface MapProps {
  tables: TableStats[];
  chosen: string;
  onChoose: (name: string) => void;
}

function TreeMap({ tables, chosen, onChoose }: MapProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const flashing = useWritten();
  const leaves = useMemo(() => {
    const root = hierarchy<{ children?: TableStats[] } | TableStats>({ children: tables }).sum((node) => ("bytes" in node ? Math.max(node.bytes, 1) : 0));
    // No padding: the areas are compared with the bytes.
    return treemap<{ children?: TableStats[] } | TableStats>().tile(treemapSquarify).size([width, HEIGHT])(root).leaves();
  }, [tables, width]);
  const busiest = Math.max(1, ...tables.map(({ reads1m }) => reads1m));
  return (
    <div ref={box} className="tree-map" style={{ height: HEIGHT }} data-testid="tree-map">
      {leaves.map((leaf) => {
        const table = leaf.data as TableStats;
        const name = nameOf(table);
        const glow = table.reads1m / busiest;
        return (
          <button
            key={name}
            type="button"
            className={`tree-cell ${name === chosen ? "chosen" : ""} ${flashing.has(name) ? "flash" : ""}`}
            style={{ left: leaf.x0, top: leaf.y0, width: leaf.x1 - leaf.x0, height: leaf.y1 - leaf.y0, "--glow": glow } as React.CSSProperties}
            onClick={() => onChoose(name)}
            title={`${name}: ${count(table.docs)} documents, ${bytes(table.bytes)}`}
            data-testid={`tree-cell-${name}`}
            data-bytes={table.bytes}
            data-flash={flashing.has(name)}
          >
            {table.component && <span className="muted">{table.component}</span>}
            <strong>{table.name}</strong>
            <span>{bytes(table.bytes)}</span>
            <span>{count(table.docs)} documents</span>
          </button>
        );
      })}
    </div>
  );
}

/** Tables that were written to a moment ago. */
function useWritten(): Set<string> {
  const feed = useFeed("all");
  const now = Date.now();
  const recent = new Set<string>();
  const newest = feed.commits[feed.commits.length - 1]?.t ?? 0;
  const arrived = useRef({ seq: 0, at: 0 });
  const seq = feed.commits[feed.commits.length - 1]?.seq ?? 0;
  if (arrived.current.seq !== seq) arrived.current = { seq, at: now };
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = window.setTimeout(() => redraw((n) => n + 1), FLASH_MS);
    return () => window.clearTimeout(timer);
  }, [seq]);
  if (now - arrived.current.at > FLASH_MS) return recent;
  for (let at = feed.commits.length - 1; at >= 0 && newest - feed.commits[at]!.t < FLASH_MS; at--) {
    for (const { table } of feed.commits[at]!.tables) recent.add(table);
  }
  return recent;
}

function TablePanel({ table }: { table: TableStats }) {
  const busiest = Math.max(1, ...table.indexes.map(({ lookups1m }) => lookups1m));
  const steps = useIndexSteps(table.indexes.some(({ state }) => state === "backfilling"));
  return (
    <section className="card" aria-label={`Indexes of ${table.name}`}>
      <div className="card-head">
        <h2>
          <Link to={`/data?table=${encodeURIComponent(nameOf(table))}`}>{table.name}</Link> {table.component && <Badge title="Its component">{table.component}</Badge>}
        </h2>
        <span className="muted">
          {count(table.reads1m)} reads and {count(table.writes1m)} writes in the last minute
        </span>
      </div>
      <table className="table">
        <thead>
          <tr>
            <th>Index</th>
            <th>Look-ups a minute</th>
            <th className="right">Rows read</th>
            <th className="right">Rows returned</th>
            <th className="right">Entries</th>
            <th>Last used</th>
          </tr>
        </thead>
        <tbody>
          {table.indexes.map((index, at) => (
            <IndexRow
              key={`${index.name} ${at}`}
              index={{ ...index, ...latest(index, steps.get(stepKey(table.component, table.name, index.name))) }}
              busiest={busiest}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function IndexRow({ index, busiest }: { index: IndexStats; busiest: number }) {
  const system = index.name === "by_id" || index.name === "by_creation_time";
  const unused = !system && index.state === "ready" && (!index.lastUsed || Date.now() - index.lastUsed > UNUSED_MS);
  return (
    <tr data-testid={`index-bar-${index.name}`} data-lookups={index.lookups1m}>
      <td>
        <code>{index.name}</code> <span className="muted">{Array.isArray(index.fields) ? index.fields.join(", ") : index.fields}</span>{" "}
        {index.state !== "ready" && <IndexBadge filling={index} />}
      </td>
      <td>
        <span className="bar-cell">
          <i style={{ width: `${(100 * index.lookups1m) / busiest}%` }} />
          <span>{count(index.lookups1m)}</span>
        </span>
      </td>
      <td className="right">{count(index.rowsScanned1m)}</td>
      <td className="right">{count(index.rowsReturned1m)}</td>
      <td className="right">{index.entries === undefined || index.entries === null ? "–" : count(index.entries)}</td>
      <td>{unused ? <Badge>unused</Badge> : index.lastUsed ? <Time ms={index.lastUsed} /> : <span className="muted">–</span>}</td>
    </tr>
  );
}
