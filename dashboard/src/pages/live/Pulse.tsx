// Calls by kind over the last five minutes, and how long they took.

import { useCallback, useMemo } from "react";
import { Chart } from "../../components/Chart";
import { HeatMap, LINE_COLOURS, PERCENTILES, type Pointed } from "../../components/HeatMap";
import { duration, short } from "../../lib/format";
import { plainPath } from "../../lib/modules";
import { useParam } from "../../lib/param";
import { BUCKETS, bucketOf, KINDS, perSecond, percentile, useFeed, type Exec } from "../../lib/stream";
import type { ViewProps } from "./Live";

const NAMES = { query: "queries", mutation: "mutations", action: "actions", http: "HTTP actions" };
const SECOND_MS = 1000;
const NAMED = 6;

/** Which functions took about that long in that second, those that did it most often first. */
function functionsIn(execs: Exec[], { second, bucket }: Pointed): string[] {
  const times = new Map<string, number>();
  for (const { t, totalMs, path } of execs) {
    if (t > second.t || t <= second.t - SECOND_MS || Math.abs(bucketOf(totalMs) - bucket) > 1) continue;
    times.set(plainPath(path), (times.get(plainPath(path)) ?? 0) + 1);
  }
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, NAMED)
    .map(([name]) => name);
}

export function Pulse({ moment }: ViewProps) {
  const { ticks } = useFeed("all").upTo(moment.until);
  const { execs } = useFeed("execs");
  const seconds = useMemo(() => perSecond(ticks), [ticks]);
  const [chosen, setChosen] = useParam("lines");
  const lines = useMemo(() => PERCENTILES.filter((share) => chosen.split(" ").includes(String(share * 100))), [chosen]);
  const toggle = (share: number) => {
    const next = PERCENTILES.filter((one) => (one === share ? !lines.includes(one) : lines.includes(one)));
    setChosen(next.map((one) => one * 100).join(" "));
  };
  const strip = useMemo(
    () => KINDS.map((kind) => ({ name: NAMES[kind], points: seconds.map(({ t, calls }) => [t, calls[kind]] as [number, number]) })),
    [seconds],
  );
  const latest = seconds.slice(-10).reduce(
    (sum, second) => sum.map((value, bucket) => value + (second.latency[bucket] ?? 0)),
    new Array<number>(BUCKETS).fill(0),
  );
  const namesIn = useCallback((cell: Pointed) => functionsIn(execs, cell), [execs]);
  return (
    <>
      <section className="card">
        <div className="card-head">
          <h2>Calls a second</h2>
        </div>
        <Chart title="Calls a second by kind" series={strip} stacked height={170} format={short} testId="pulse-strip" />
      </section>
      <section className="card">
        <div className="card-head wrap">
          <h2>How long they took</h2>
          <span className="row wrap" role="group" aria-label="Percentiles of the last ten seconds; those that are on are lines">
            {PERCENTILES.map((share, index) => (
              <label key={share} className="row percentile">
                <input type="checkbox" checked={lines.includes(share)} onChange={() => toggle(share)} data-testid={`line-${share * 100}`} />
                <i className="swatch" style={{ background: `var(${LINE_COLOURS[index]})` }} />
                <span className="muted">
                  p{share * 100} <strong>{format(percentile(latest, share))}</strong>
                </span>
              </label>
            ))}
          </span>
        </div>
        <HeatMap seconds={seconds} lines={lines} namesIn={namesIn} />
      </section>
    </>
  );
}

const format = (ms: number | null) => (ms === null ? "–" : duration(ms));
