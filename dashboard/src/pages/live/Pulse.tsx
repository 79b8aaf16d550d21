// Calls by kind over the last five minutes, and how long they took.

import { useEffect, useMemo, useRef } from "react";
import { Chart } from "../../components/Chart";
import { duration, short } from "../../lib/format";
import { BUCKETS, bucketMs, KINDS, perSecond, percentile, useFeed, type Second } from "../../lib/stream";
import { useTheme } from "../../lib/theme";
import type { ViewProps } from "./Live";

const NAMES = { query: "queries", mutation: "mutations", action: "actions", http: "HTTP actions" };
const SHOWN = 300;
const PERCENTILES = [0.5, 0.9, 0.95, 0.99];

export function Pulse({ moment }: ViewProps) {
  const { ticks } = useFeed("all").upTo(moment.until);
  const seconds = useMemo(() => perSecond(ticks), [ticks]);
  const strip = useMemo(
    () => KINDS.map((kind) => ({ name: NAMES[kind], points: seconds.map(({ t, calls }) => [t, calls[kind]] as [number, number]) })),
    [seconds],
  );
  const latest = seconds.slice(-10).reduce(
    (sum, second) => sum.map((value, bucket) => value + (second.latency[bucket] ?? 0)),
    new Array<number>(BUCKETS).fill(0),
  );
  return (
    <>
      <section className="card">
        <div className="card-head">
          <h2>Calls a second</h2>
        </div>
        <Chart title="Calls a second by kind" series={strip} stacked height={170} format={short} testId="pulse-strip" />
      </section>
      <section className="card">
        <div className="card-head">
          <h2>How long they took</h2>
          <span className="row wrap">
            {PERCENTILES.map((share) => (
              <span key={share} className="muted">
                p{share * 100} <strong>{format(percentile(latest, share))}</strong>
              </span>
            ))}
          </span>
        </div>
        <HeatMap seconds={seconds} />
      </section>
    </>
  );
}

const format = (ms: number | null) => (ms === null ? "–" : duration(ms));
const LABELS = [0.1, 1, 10, 100, 1000, 10_000];
const HEIGHT = 240;
const LEFT = 56;

/** Each second a column, each bucket of time a cell, brighter where there were more calls. */
function HeatMap({ seconds }: { seconds: Second[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { shown } = useTheme();
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const ratio = window.devicePixelRatio || 1;
    const width = element.clientWidth;
    element.width = width * ratio;
    element.height = HEIGHT * ratio;
    context.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const [accent, muted] = [style.getPropertyValue("--accent"), style.getPropertyValue("--muted")];
    const high = Math.max(1, ...seconds.flatMap(({ latency }) => latency));
    const cell = { width: (width - LEFT) / SHOWN, height: HEIGHT / BUCKETS };
    context.fillStyle = accent;
    seconds.forEach(({ latency }, index) => {
      const x = width - (seconds.length - index) * cell.width;
      latency.forEach((value, bucket) => {
        if (value === 0) return;
        context.globalAlpha = 0.18 + 0.82 * (Math.log1p(value) / Math.log1p(high));
        context.fillRect(x, HEIGHT - (bucket + 1) * cell.height, Math.max(1, cell.width - 0.4), cell.height - 0.5);
      });
    });
    context.globalAlpha = 1;
    context.fillStyle = muted;
    context.font = "11px system-ui";
    for (const ms of LABELS) {
      const bucket = LABELS_BUCKET(ms);
      context.fillText(duration(ms).replace(".00", "").replace(".0", ""), 2, Math.min(HEIGHT - 2, HEIGHT - bucket * cell.height + 4));
    }
  }, [seconds, shown]);
  return (
    <canvas
      ref={canvas}
      className="heat-map"
      style={{ height: HEIGHT }}
      role="img"
      aria-label={`Heat map of call durations of the last ${seconds.length} seconds`}
      data-testid="heat-map"
    />
  );
}

const LABELS_BUCKET = (ms: number) => {
  for (let bucket = 0; bucket < BUCKETS; bucket++) if (bucketMs(bucket) >= ms) return bucket;
  return BUCKETS - 1;
};
