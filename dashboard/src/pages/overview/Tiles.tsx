// Eight numbers of the last second, each with its last minute.

import { Link } from "react-router";
import { Spark } from "../../components/Chart";
import { bytes, duration, percent, short } from "../../lib/format";
import { allLatency, BUCKETS, percentile, perSecond, useFeed, type Second } from "../../lib/stream";

const SHOWN = 60;
/** Rates jump from second to second; the number is of this many. */
const SMOOTH = 3;

const mean = (values: number[]) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0);

const sumLatency = (seconds: Second[]) =>
  seconds.reduce((sum, second) => sum.map((value, bucket) => value + (second.latency[bucket] ?? 0)), new Array<number>(BUCKETS).fill(0));

interface Tile {
  id: string;
  label: string;
  text: string;
  values: number[];
  to: string;
  value: number;
}

function tiles(seconds: Second[]): Tile[] {
  const last = seconds.slice(-SMOOTH);
  const tick = seconds[seconds.length - 1]?.tick;
  const rps = mean(last.map(({ total }) => total));
  const minute = seconds.slice(-SHOWN);
  const sum = (of: (second: Second) => number) => minute.reduce((total, second) => total + of(second), 0);
  const errorShare = sum((one) => one.failed) / sum((one) => one.total);
  const hitShare = sum((one) => one.hits) / sum((one) => one.queries);
  const p95 = percentile(sumLatency(seconds.slice(-10)), 0.95);
  const conflicts = sum((one) => one.retried + one.conflicts);
  const series = (of: (second: Second) => number) => minute.map(of);
  return [
    { id: "rps", label: "Calls a second", text: short(rps), value: rps, values: series((one) => one.total), to: "/live/pulse" },
    { id: "errors", label: "Failing", text: percent(errorShare), value: errorShare, values: series((one) => one.failed), to: "/logs?q=level:error" },
    { id: "cache", label: "From cache", text: percent(hitShare), value: hitShare, values: series((one) => (one.queries ? one.hits / one.queries : 0)), to: "/live/cache" },
    {
      id: "p95",
      label: "p95",
      text: p95 === null ? "–" : duration(p95),
      value: p95 ?? 0,
      values: series((one) => percentile(allLatency(one.tick), 0.95) ?? 0),
      to: "/live/pulse",
    },
    { id: "sessions", label: "Clients", text: short(tick?.live.sessions ?? 0), value: tick?.live.sessions ?? 0, values: series((one) => one.tick.live.sessions), to: "/live/subscriptions" },
    { id: "subs", label: "Subscriptions", text: short(tick?.live.subscriptions ?? 0), value: tick?.live.subscriptions ?? 0, values: series((one) => one.tick.live.subscriptions), to: "/live/subscriptions" },
    { id: "conflicts", label: "Conflicts a minute", text: short(conflicts), value: conflicts, values: series((one) => one.retried + one.conflicts), to: "/live/conflicts" },
    { id: "size", label: "On disk", text: bytes(tick?.store.bytes ?? 0), value: tick?.store.bytes ?? 0, values: series((one) => one.tick.store.bytes), to: "/live/tables" },
  ];
}

export default function Tiles() {
  const feed = useFeed("ticks");
  const seconds = perSecond(feed.ticks.slice(-SHOWN - 1));
  return (
    <div className="tiles">
      {tiles(seconds).map((tile) => (
        <Link key={tile.id} to={tile.to} className="tile" data-testid={`tile-${tile.id}`} data-value={tile.value}>
          <span className="tile-label">{tile.label}</span>
          <strong>{seconds.length === 0 ? "–" : tile.text}</strong>
          <Spark values={tile.values} />
        </Link>
      ))}
    </div>
  );
}
