// A ring a query function: answered from the cache, run, and run again because data changed.

import { Link } from "react-router";
import { Empty, Loading, Problem } from "../../components/ui";
import { count, duration, percent } from "../../lib/format";
import { useSnapshotAt } from "../../lib/snapshots";
import type { FunctionStats, Snapshot } from "../../lib/stream";
import type { ViewProps } from "./Live";
import { NotNoted } from "./NotNoted";

interface Ring {
  fn: FunctionStats;
  hits: number;
  misses: number;
  reruns: number;
}

function rings(snapshot: Snapshot): Ring[] {
  const reruns = new Map<string, number>();
  for (const group of snapshot.subscriptions) reruns.set(group.query, (reruns.get(group.query) ?? 0) + group.reruns1m);
  return snapshot.functions
    .filter(({ kind }) => kind.toLowerCase() === "query")
    .map((fn) => ({ fn, hits: fn.hit1m, misses: Math.max(0, fn.calls1m - fn.hit1m), reruns: reruns.get(fn.path) ?? 0 }))
    .sort((a, b) => cost(b) - cost(a));
}

const cost = ({ fn, misses, reruns }: Ring) => (misses + reruns) * (fn.p50 ?? 1);

export function Cache({ moment }: ViewProps) {
  const { snapshot, error, noted } = useSnapshotAt(moment);
  if (error && !noted) return <Problem error={error} />;
  if (!snapshot) return noted ? <NotNoted /> : <Loading />;
  const shown = rings(snapshot);
  if (shown.length === 0) return <Empty title="No query ran in the last minute" />;
  const most = cost(shown[0]!);
  return (
    <>
      <p className="legend">
        <i className="swatch c1" /> from the cache <i className="swatch c2" /> run <i className="swatch c3" /> run again because data changed · the larger, the more time it
        cost in the last minute
      </p>
      <ul className="rings">
        {shown.map((ring) => (
          <RingCard key={ring.fn.path} ring={ring} size={sizeOf(cost(ring), most)} />
        ))}
      </ul>
    </>
  );
}

const SMALLEST = 52;
const LARGEST = 96;

/** Areas are compared, so the side grows as the root of the cost. */
const sizeOf = (own: number, most: number) => Math.round(SMALLEST + (LARGEST - SMALLEST) * Math.sqrt(most > 0 ? own / most : 0));

const RADIUS = 30;
const LENGTH = 2 * Math.PI * RADIUS;

function RingCard({ ring: { fn, hits, misses, reruns }, size }: { ring: Ring; size: number }) {
  const total = Math.max(1, hits + misses + reruns);
  let offset = 0;
  const share = hits + misses > 0 ? hits / (hits + misses) : NaN;
  return (
    <li className="card ring" data-testid="cache-ring" data-query={fn.path} data-hit={share}>
      <span className="ring-place">
        <svg viewBox="0 0 80 80" width={size} height={size} aria-hidden="true">
          {[hits, misses, reruns].map((value, index) => {
            const length = (LENGTH * value) / total;
            const dash = (
              <circle
                key={index}
                className={`ring-${index + 1}`}
                cx="40"
                cy="40"
                r={RADIUS}
                strokeDasharray={`${length} ${LENGTH - length}`}
                strokeDashoffset={-offset}
              />
            );
            offset += length;
            return dash;
          })}
          <text x="40" y="44" textAnchor="middle">
            {percent(share)}
          </text>
        </svg>
      </span>
      <div>
        <h3>
          <Link to={`/functions?f=${encodeURIComponent(fn.path)}`}>{fn.path}</Link>
        </h3>
        <p className="muted">
          {count(hits)} from cache · {count(misses)} run · {count(reruns)} run again
        </p>
        <p className="muted">
          median {fn.p50 === null ? "–" : duration(fn.p50)}, p95 {fn.p95 === null ? "–" : duration(fn.p95)}
        </p>
      </div>
    </li>
  );
}
