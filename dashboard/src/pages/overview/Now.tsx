// How long calls take right now, and which functions of the last minute are slow, fail, or are run
// although they could have come from the cache.

import { useMemo } from "react";
import { Link } from "react-router";
import { HeatMap } from "../../components/HeatMap";
import { count, duration, percent } from "../../lib/format";
import { plainPath } from "../../lib/modules";
import { useSnapshot } from "../../lib/snapshots";
import { perSecond, useFeed, type FunctionStats } from "../../lib/stream";

const LISTED = 5;

interface Top {
  title: string;
  empty: string;
  /** What it is sorted by; 0 is not listed. */
  of: (fn: FunctionStats) => number;
  text: (fn: FunctionStats) => string;
}

const misses = (fn: FunctionStats) => (fn.kind.toLowerCase() === "query" ? Math.max(0, fn.calls1m - fn.hit1m) : 0);

const TOPS: Top[] = [
  { title: "Slowest (p95)", empty: "Nothing has run", of: ({ p95, calls1m }) => (calls1m > 0 ? (p95 ?? 0) : 0), text: ({ p95 }) => duration(p95 ?? NaN) },
  { title: "Failing", empty: "Nothing fails", of: ({ errors1m }) => errors1m, text: ({ errors1m, calls1m }) => `${count(errors1m)} of ${count(calls1m)}` },
  { title: "Run and not cached", empty: "Every query comes from the cache", of: misses, text: (fn) => `${count(misses(fn))}, ${percent(fn.hit1m / fn.calls1m)} cached` },
];

export default function Now() {
  const { ticks } = useFeed("ticks");
  const seconds = useMemo(() => perSecond(ticks), [ticks]);
  const { snapshot } = useSnapshot();
  return (
    <>
      <section className="card" aria-label="The last minute by function">
        <div className="card-head">
          <h2>The last minute</h2>
        </div>
        <div className="tops">
          {TOPS.map((top) => (
            <TopList key={top.title} top={top} functions={snapshot?.functions ?? []} />
          ))}
        </div>
      </section>
      <section className="card">
        <div className="card-head">
          <h2>How long calls take</h2>
          <Link to="/live/pulse">more</Link>
        </div>
        <HeatMap seconds={seconds} />
      </section>
    </>
  );
}

function TopList({ top: { title, empty, of, text }, functions }: { top: Top; functions: FunctionStats[] }) {
  const listed = functions
    .filter((fn) => of(fn) > 0)
    .sort((a, b) => of(b) - of(a))
    .slice(0, LISTED);
  return (
    <div>
      <h3>{title}</h3>
      {listed.length === 0 ? (
        <p className="muted">{empty}</p>
      ) : (
        <ol>
          {listed.map((fn) => (
            <li key={fn.path} data-testid="top-function">
              <Link to={`/functions?f=${encodeURIComponent(plainPath(fn.path))}`}>{plainPath(fn.path)}</Link>
              <span className="muted">{text(fn)}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
