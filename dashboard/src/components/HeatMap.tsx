// How long calls took: each second a column, each range of time a cell, brighter where there were
// more calls; percentiles as lines over it, and the same as a table for who cannot see it.

import { useEffect, useMemo, useRef, useState } from "react";
import { clock, count, duration } from "../lib/format";
import { BUCKETS, bucketMs, bucketOf, percentile, type Second } from "../lib/stream";
import { useTheme } from "../lib/theme";

const SHOWN = 300;
const LABELS = [0.1, 1, 10, 100, 1000, 10_000];
const HEIGHT = 240;
const LEFT = 56;
/** Rows for who hears it: the last minute. */
const TOLD = 60;
export const PERCENTILES = [0.5, 0.9, 0.95, 0.99] as const;
export const LINE_COLOURS = ["--c3", "--c5", "--c2", "--c6"];

export interface Pointed {
  second: Second;
  bucket: number;
}

interface Props {
  seconds: Second[];
  /** Percentiles that are drawn as lines. */
  lines?: readonly number[];
  /** What ran in a cell, as far as that is known. */
  namesIn?: (cell: Pointed) => string[];
}

const rowHeight = HEIGHT / BUCKETS;
const topOf = (bucket: number) => HEIGHT - (bucket + 1) * rowHeight;

export function HeatMap({ seconds, lines = [], namesIn }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { shown } = useTheme();
  const [pointed, setPointed] = useState<(Pointed & { x: number; y: number }) | null>(null);
  useEffect(() => {
    if (canvas.current) draw(canvas.current, seconds, lines);
  }, [seconds, shown, lines]);
  const point = (clientX: number, clientY: number) => {
    const { left, top, width } = canvas.current!.getBoundingClientRect();
    const [x, y] = [clientX - left, clientY - top];
    const second = seconds[seconds.length - Math.ceil((width - x) / ((width - LEFT) / SHOWN))];
    const bucket = Math.floor((HEIGHT - y) / rowHeight);
    setPointed(x > LEFT && second?.latency[bucket] ? { second, bucket, x, y } : null);
  };
  return (
    <div className="heat-map-box" onMouseMove={(event) => point(event.clientX, event.clientY)} onMouseLeave={() => setPointed(null)}>
      <canvas ref={canvas} className="heat-map" style={{ height: HEIGHT }} role="img" aria-label={`Heat map of call durations of the last ${seconds.length} seconds`} data-testid="heat-map" />
      {pointed && <Cell {...pointed} names={namesIn?.(pointed) ?? []} />}
      <HeatTable seconds={seconds} />
    </div>
  );
}

function Cell({ second, bucket, x, y, names }: Pointed & { x: number; y: number; names: string[] }) {
  const from = bucket === 0 ? 0 : bucketMs(bucket - 1);
  return (
    <div className={`heat-cell ${x > 400 ? "left" : ""}`} style={{ left: x, top: y }} data-testid="heat-cell">
      <strong>
        {count(second.latency[bucket] ?? 0)} {second.latency[bucket] === 1 ? "call" : "calls"}
      </strong>{" "}
      of {duration(from)} to {duration(bucketMs(bucket))}
      <span className="muted"> · {clock(second.t)}</span>
      {names.map((name) => (
        <div key={name}>{name}</div>
      ))}
    </div>
  );
}

function HeatTable({ seconds }: { seconds: Second[] }) {
  const rows = useMemo(() => seconds.slice(-TOLD).filter(({ latency }) => latency.some((value) => value > 0)), [seconds]);
  return (
    <table className="sr-only" data-testid="heat-table">
      <caption>How long calls took, second by second</caption>
      <thead>
        <tr>
          <th>Second</th>
          {PERCENTILES.map((share) => (
            <th key={share}>p{share * 100}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ t, latency }) => (
          <tr key={t}>
            <td>{clock(t)}</td>
            {PERCENTILES.map((share) => (
              <td key={share}>{duration(percentile(latency, share) ?? NaN)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function draw(element: HTMLCanvasElement, seconds: Second[], lines: readonly number[]) {
  const context = element.getContext("2d");
  if (!context) return;
  const ratio = window.devicePixelRatio || 1;
  const width = element.clientWidth;
  element.width = width * ratio;
  element.height = HEIGHT * ratio;
  context.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const high = Math.max(1, ...seconds.flatMap(({ latency }) => latency));
  const column = (width - LEFT) / SHOWN;
  const left = (index: number) => width - (seconds.length - index) * column;
  context.fillStyle = style.getPropertyValue("--accent");
  seconds.forEach(({ latency }, index) => {
    latency.forEach((value, bucket) => {
      if (value === 0) return;
      context.globalAlpha = 0.18 + 0.82 * (Math.log1p(value) / Math.log1p(high));
      context.fillRect(left(index), topOf(bucket), Math.max(1, column - 0.4), rowHeight - 0.5);
    });
  });
  context.globalAlpha = 1;
  for (const share of lines) {
    context.strokeStyle = style.getPropertyValue(LINE_COLOURS[PERCENTILES.indexOf(share as never)] ?? "--text");
    drawLine(context, seconds, share, (index) => left(index) + column / 2);
  }
  context.fillStyle = style.getPropertyValue("--muted");
  context.font = "11px system-ui";
  for (const ms of LABELS) context.fillText(duration(ms).replace(".00", "").replace(".0", ""), 2, Math.min(HEIGHT - 2, HEIGHT - bucketOf(ms) * rowHeight + 4));
}

/** A second without calls breaks the line. */
function drawLine(context: CanvasRenderingContext2D, seconds: Second[], share: number, x: (index: number) => number) {
  context.lineWidth = 1.6;
  context.beginPath();
  let going = false;
  seconds.forEach(({ latency }, index) => {
    const ms = percentile(latency, share);
    if (ms === null) return void (going = false);
    const y = topOf(bucketOf(ms)) + rowHeight / 2;
    // A second alone is still seen.
    if (going) context.lineTo(x(index), y);
    else (context.moveTo(x(index) - 1, y), context.lineTo(x(index) + 1, y));
    going = true;
  });
  context.stroke();
}
