// A chart over time (uPlot), in the colours of the theme, with its numbers as a table for
// whoever cannot see it.

import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, dateTime, short } from "../lib/format";
import type { Series } from "../lib/metrics";
import { useTheme } from "../lib/theme";

interface Props {
  title: string;
  series: Series[];
  height?: number;
  format?: (value: number) => string;
  stacked?: boolean;
  max?: number;
  testId?: string;
  /** Moments (ms) with a line: pushes. */
  marks?: number[];
  /** The part (seconds) that is shown; null for all. */
  zoom?: [number, number] | null;
  onZoom?: (range: [number, number]) => void;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

interface Aligned {
  /** As it is drawn: stacked, each on those before it. */
  drawn: uPlot.AlignedData;
  /** As it is: what a legend says. */
  own: (number | null)[][];
}

/** All series over one list of times. */
function aligned(series: Series[], stacked: boolean): Aligned {
  const times = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const own = series.map(({ points }) => {
    const values = new Map(points);
    return times.map((at) => values.get(at) ?? null);
  });
  const sums = new Array<number>(times.length).fill(0);
  const pile = (values: (number | null)[]) => {
    // What never was would lie on the line below it and hide that.
    if (!values.some((value) => value)) return values.map(() => null);
    return values.map((value, index) => (sums[index] = sums[index]! + (value ?? 0)));
  };
  return { drawn: [times.map((at) => at / 1000), ...(stacked ? own.map(pile) : own)], own };
}

const MINUTE_S = 60;
const DAY_MS = 86_400_000;

/** A moment on the axis, as far as its neighbours are away; where a day begins, the day. */
function tickText(ms: number, stepSeconds: number): string {
  const text = clock(ms);
  if (stepSeconds < MINUTE_S) return text;
  const midnight = text.startsWith("00:00") || stepSeconds * 1000 >= DAY_MS;
  return midnight && Number.isFinite(stepSeconds) ? dateTime(ms).slice(5, 10) : text.slice(0, 5);
}

/** Numbers without neighbours make no line: they are dots. */
function alone(plot: uPlot, at: number): number[] {
  const values = plot.data[at]!;
  return Array.from(values, (_, index) => index).filter((index) => values[index] != null && values[index - 1] == null && values[index + 1] == null);
}

export function Chart({ title, series, height = 150, format = short, stacked = false, max, testId, marks, zoom = null, onZoom }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const { shown } = useTheme();
  const data = useMemo(() => aligned(series, stacked), [series, stacked]);
  const latest = useRef(data);
  latest.current = data;
  const part = useRef({ marks, zoom, onZoom });
  part.current = { marks, zoom, onZoom };
  const names = series.map(({ name }) => name).join("\n");

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const labels = names.split("\n");
    const axis = { stroke: css("--muted"), grid: { stroke: css("--border"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const options: uPlot.Options = {
      width: element.clientWidth || 300,
      height,
      legend: { show: labels.length > 1, live: true },
      cursor: { points: { size: 5 }, y: false, drag: { x: onZoom !== undefined, y: false, setScale: false } },
      hooks: {
        setSelect: [
          (plot) => {
            if (plot.select.width < 4) return;
            part.current.onZoom?.([plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")]);
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
        draw: [(plot) => drawMarks(plot, part.current.marks ?? [])],
      },
      padding: [8, 8, 0, 0],
      scales: {
        x: { range: (_, low, high) => part.current.zoom ?? [low, high] },
        y: { range: (_, low, high) => [Math.min(0, low), max ?? (high > 0 ? high * 1.1 : 1)] },
      },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((at) => tickText(at * 1000, (ticks[1] ?? Infinity) - ticks[0]!)), space: 70 },
        { ...axis, size: 52, values: (_, ticks) => ticks.map(format) },
      ],
      series: [
        { value: (_, at) => (at === null ? "–" : clock(at * 1000)) },
        ...labels.map((label, index) => ({
          label,
          stroke: css(`--c${(index % 8) + 1}`),
          width: 1.6,
          fill: stacked || labels.length === 1 ? `${css(`--c${(index % 8) + 1}`)}22` : undefined,
          points: { show: true, size: 5, filter: alone },
          spanGaps: false,
          value: (_: uPlot, _drawn: number | null, at: number, moment: number | null) => {
            const value = moment === null ? null : latest.current.own[at - 1]?.[moment];
            return value === null || value === undefined ? "–" : format(value);
          },
        })),
      ],
    };
    plot.current = new uPlot(options, latest.current.drawn, element);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, height, stacked, max, format, shown, onZoom]);
  useEffect(() => plot.current?.setData(data.drawn), [data, zoom, marks]);

  return (
    <figure className="chart" aria-label={title} data-testid={testId} data-marks={marks?.length}>
      <div ref={box} aria-hidden="true" />
      <ChartTable title={title} series={series} format={format} />
    </figure>
  );
}

function drawMarks(plot: uPlot, marks: number[]) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = css("--c8");
  ctx.setLineDash([4, 4]);
  for (const mark of marks) {
    const x = plot.valToPos(mark / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function ChartTable({ title, series, format }: { title: string; series: Series[]; format: (value: number) => string }) {
  const times = series[0]?.points.map(([at]) => at) ?? [];
  return (
    <table className="sr-only" data-testid="chart-table">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th>Time</th>
          {series.map(({ name }) => (
            <th key={name}>{name || title}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {times.map((at, index) => (
          <tr key={at}>
            <td>{clock(at)}</td>
            {series.map(({ name, points }) => {
              const value = points[index]?.[1];
              return (
                <td key={name} data-value={value ?? ""}>
                  {value === null || value === undefined ? "–" : format(value)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A line as small as a word. */
export function Spark({ values, width = 120, height = 28 }: { values: number[]; width?: number; height?: number }) {
  const high = Math.max(...values, 1e-9);
  const step = width / Math.max(1, values.length - 1);
  const path = values.map((value, index) => `${(index * step).toFixed(1)},${(height - 2 - (value / high) * (height - 4)).toFixed(1)}`);
  return (
    <svg className="spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {values.length > 1 && <polygon points={`0,${height} ${path.join(" ")} ${width},${height}`} />}
      <polyline points={path.join(" ")} />
    </svg>
  );
}
