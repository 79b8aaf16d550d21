// Tables by size as areas that glow with reads and flash with writes; and their indexes.

import { hierarchy, treemap, treemapSquarify } from "d3-hierarchy";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { GridTable } from "../../components/GridTable";
import { IndexBadge } from "../../components/IndexBadge";
import { MissingIndex } from "../../components/MissingIndex";
import { Badge, Empty, Loading, Problem, Time } from "../../components/ui";
import { wantedFields } from "../../lib/advice";
import { figured } from "../../lib/figured";
import { latest } from "../../lib/indexes";
import { bytes, count, short } from "../../lib/format";
import { useParam } from "../../lib/param";
import type { Moment } from "../../lib/moment";
import { useSnapshotAt } from "../../lib/snapshots";
import { stepKey, useFeed, useIndexSteps, type IndexStats, type IndexStep, type TableStats } from "../../lib/stream";
import type { ViewProps } from "./Live";
import { NotNoted } from "./NotNoted";

const HEIGHT = 320;
const FLASH_MS = 900;
const UNUSED_MS = 7 * 86_400_000;

export function Tables({ moment }: ViewProps) {
  const { snapshot, error, noted } = useSnapshotAt(moment);
  const [params] = useSearchParams();
  const [, choose] = useParam("table");
  const [by, setBy] = useParam("by", "size");
  if (error && !noted) return <Problem error={error} />;
  if (!snapshot) return noted ? <NotNoted /> : <Loading />;
  const tables = [...snapshot.tables].sort((a, b) => b.bytes - a.bytes);
  if (tables.length === 0) return <Empty title="No tables yet" />;
  const chosen = tables.find((table) => nameOf(table) === params.get("table")) ?? tables[0]!;
  return (
    <>
      <div className="row wrap">
        <div className="segmented" role="group" aria-label="What areas stand for">
          {(["size", "documents"] as const).map((name) => (
            <button key={name} type="button" aria-pressed={by === name} onClick={() => setBy(name)} data-testid={`areas-${name}`}>
              by {name}
            </button>
          ))}
        </div>
        <span className="muted">darker is read more; orange is being written</span>
      </div>
      <TreeMap tables={tables} by={by} moment={moment} chosen={nameOf(chosen)} onChoose={choose} />
      <TablePanel table={chosen} moment={moment} />
    </>
  );
}

/** As figures name it: a table of a component has the component before it. */
const nameOf = ({ component, name }: TableStats) => figured(component ?? "", name);

interface MapProps {
  tables: TableStats[];
  by: string;
  moment: Moment;
  chosen: string;
  onChoose: (name: string) => void;
}

function TreeMap({ tables, by, moment, chosen, onChoose }: MapProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const flashing = useWritten(moment);
  const leaves = useMemo(() => {
    const root = hierarchy<{ children?: TableStats[] } | TableStats>({ children: tables }).sum((node) => ("bytes" in node ? Math.max(by === "documents" ? node.docs : node.bytes, 1) : 0));
    // No padding: the areas are compared with the bytes.
    return treemap<{ children?: TableStats[] } | TableStats>().tile(treemapSquarify).size([width, HEIGHT])(root).leaves();
  }, [tables, by, width]);
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

/** Tables that were written to just before the moment that is shown. */
function useWritten({ until, live }: Moment): Set<string> {
  const feed = useFeed("all");
  const { commits } = feed.upTo(until);
  const newest = commits[commits.length - 1];
  // What has come is new for as long as it is on the page, however long it was on its way.
  const arrived = useRef({ seq: 0, at: 0 });
  const seq = newest?.seq ?? 0;
  if (arrived.current.seq !== seq) arrived.current = { seq, at: Date.now() };
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = window.setTimeout(() => redraw((n) => n + 1), FLASH_MS);
    return () => window.clearTimeout(timer);
  }, [seq]);
  const recent = new Set<string>();
  if (!newest || (live ? Date.now() - arrived.current.at : until - newest.t) > FLASH_MS) return recent;
  const since = (live ? newest.t : until) - FLASH_MS;
  for (let at = commits.length - 1; at >= 0 && commits[at]!.t > since; at--) {
    for (const { table } of commits[at]!.tables) recent.add(table);
  }
  return recent;
}

function TablePanel({ table, moment }: { table: TableStats; moment: Moment }) {
  const busiest = Math.max(1, ...table.indexes.map(({ lookups1m }) => lookups1m));
  const steps = useIndexSteps(true);
  const indexes = moment.live ? [...table.indexes, ...justBegun(table, steps)] : table.indexes;
  return (
    <section className="card scroll-x" aria-label={`Indexes of ${table.name}`}>
      <div className="card-head">
        <h2>
          <Link to={`/data?table=${encodeURIComponent(nameOf(table))}`}>{table.name}</Link> {table.component && <Badge title="Its component">{table.component}</Badge>}
        </h2>
        <span className="muted">
          {count(table.reads1m)} reads and {count(table.writes1m)} writes in the last minute
        </span>
      </div>
      <GridTable className="table" aria-label={`Indexes of ${table.name}`}>
        <thead>
          <tr>
            <th>Index</th>
            <th>Look-ups a minute</th>
            <th className="right">Rows read</th>
            <th className="right">Rows returned</th>
            <th className="right">Read for each</th>
            <th className="right">Entries</th>
            <th className="right">Bytes</th>
            <th>Last used</th>
          </tr>
        </thead>
        <tbody>
          {indexes.map((index, at) => (
            <IndexRow
              key={`${index.name} ${at}`}
              index={{ ...index, ...latest(index, steps.get(stepKey(table.component, table.name, index.name))) }}
              busiest={busiest}
              wanted={wantedFields(table)}
              moment={moment}
            />
          ))}
        </tbody>
      </GridTable>
      <Scans table={table} />
    </section>
  );
}

/** Who goes through the whole table, and the index that would spare it. */
function Scans({ table }: { table: TableStats }) {
  const { name, scans = [], indexes } = table;
  if (scans.length === 0) return null;
  const known = indexes.flatMap((index) => (Array.isArray(index.fields) && index.name !== "by_id" && index.state === "ready" ? [{ name: index.name, fields: index.fields }] : []));
  return (
    <section className="scans" aria-label={`Full scans of ${name}`}>
      <h3>Full scans</h3>
      <ul>
        {scans.map((scan, at) => (
          <li key={at} data-testid="scan" data-function={scan.function}>
            <p>
              <Link to={`/functions?f=${encodeURIComponent(scan.function)}`}>{scan.function}</Link>{" "}
              <span className="muted">
                {scan.scans1m > 0 ? `${count(scan.rows1m)} rows in ${count(scan.scans1m)} ${scan.scans1m === 1 ? "scan" : "scans"} in the last minute` : "within the last hour"}
              </span>
            </p>
            <MissingIndex table={nameOf(table)} sought={scan} indexes={known} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Indexes whose filling is told of before the picture of the tables has them. */
function justBegun(table: TableStats, steps: ReadonlyMap<string, IndexStep>): IndexStats[] {
  const known = new Set(table.indexes.map(({ name }) => name));
  const of = [...steps.values()].filter((step) => step.table === table.name && (step.component ?? null) === (table.component ?? null));
  return of
    .filter(({ index, state }) => state === "backfilling" && !known.has(index))
    .map(({ index, state, done, total }) => ({ name: index, fields: [], state, done, total, lookups1m: 0, rowsScanned1m: 0, rowsReturned1m: 0 }));
}

const SCANNED_ROWS = 1_000;
const ROWS_A_LOOKUP = 100;

/** Whoever takes the newest few reads in order of creation and is well advised. */
const scanned = ({ name, rowsScanned1m, lookups1m }: IndexStats) => name === "by_creation_time" && rowsScanned1m > SCANNED_ROWS && rowsScanned1m >= ROWS_A_LOOKUP * lookups1m;

function IndexRow({ index, busiest, wanted, moment: { live, until } }: { index: IndexStats; busiest: number; wanted: string | null; moment: Moment }) {
  const system = index.name === "by_id" || index.name === "by_creation_time";
  const unused = !system && index.state === "ready" && (!index.lastUsed || (live ? Date.now() : until) - index.lastUsed > UNUSED_MS);
  return (
    <tr data-testid={`index-bar-${index.name}`} data-lookups={index.lookups1m}>
      <td>
        <code>{index.name}</code> <span className="muted">{Array.isArray(index.fields) ? index.fields.join(", ") : index.fields}</span>{" "}
        {index.state !== "ready" && <IndexBadge filling={index} />}
        {scanned(index) && (
          <Badge kind="warn" title="Reads in order of creation look at every document; an index on what they filter by would look at few.">
            {count(index.lookups1m)} full {index.lookups1m === 1 ? "scan" : "scans"} a minute: consider {wanted ?? "an index"}
          </Badge>
        )}
      </td>
      <td>
        <span className="bar-cell">
          <i style={{ width: `${(100 * index.lookups1m) / busiest}%` }} />
          <span>{count(index.lookups1m)}</span>
        </span>
      </td>
      <td className="right">{count(index.rowsScanned1m)}</td>
      <td className="right">{count(index.rowsReturned1m)}</td>
      <td className="right">{index.rowsReturned1m > 0 ? short(index.rowsScanned1m / index.rowsReturned1m) : "–"}</td>
      <td className="right">{index.entries === undefined || index.entries === null ? "–" : count(index.entries)}</td>
      <td className="right" data-testid="index-bytes">
        {index.bytes === undefined || index.bytes === null ? "–" : bytes(index.bytes)}
      </td>
      <td>{unused ? <Badge>unused</Badge> : index.lastUsed ? <Time ms={index.lastUsed} relative={live} /> : <span className="muted">–</span>}</td>
    </tr>
  );
}
