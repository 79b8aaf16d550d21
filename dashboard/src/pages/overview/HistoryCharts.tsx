// Charts over the range of time that is chosen in the top bar: minutes or a month, with a line at each push.
// Dragging over one of them zooms into all.

import { useMemo, useState } from "react";
import { MetricChart } from "../../components/MetricChart";
import { RangePicker } from "../../components/RangePicker";
import { Button } from "../../components/ui";
import { duration, short } from "../../lib/format";
import { useLive } from "../../lib/live";
import type { Series } from "../../lib/metrics";
import { useRange, type Range } from "../../lib/range";
import { useSeries } from "../../lib/series";
import { system } from "../../lib/system";

const PUSHES = { actions: ["push_config", "push_config_with_components"] };
const MARKS = 50;

type Metric = ReturnType<typeof useSeries>;

/** Several metrics as the lines of one chart. */
const together = (...metrics: Metric[]): Metric => ({
  series: metrics.every(({ series }) => series) ? metrics.flatMap(({ series }) => series!) : undefined,
  error: metrics.find(({ error }) => error)?.error,
});

const share = (part: Metric, rest: Metric, name: string): Metric => {
  if (!part.series || !rest.series) return together(part, rest);
  const others = new Map(rest.series[0]?.points);
  const points = (part.series[0]?.points ?? []).map(([at, value]): Series["points"][number] => {
    const sum = (value ?? 0) + (others.get(at) ?? 0);
    return [at, sum > 0 ? (100 * (value ?? 0)) / sum : null];
  });
  return { series: [{ name, points }], error: undefined };
};

function usePushes(range: Range): number[] {
  const [now] = useState(() => Date.now());
  const filters = { minDate: now - range.seconds * 1000, ...PUSHES };
  const { data } = useLive(system.history, { paginationOpts: { numItems: MARKS, cursor: null }, filters });
  return useMemo(() => data?.page.map((event) => event._creationTime) ?? [], [data]);
}

const ms = (value: number) => duration(value);
const percents = (value: number) => `${Math.round(value)} %`;

export function HistoryCharts() {
  const range = useRange();
  return (
    <>
      <RangePicker />
      <ChartsOver key={range.id} range={range} />
    </>
  );
}

function ChartsOver({ range }: { range: Range }) {
  const [zoom, setZoom] = useState<[number, number] | null>(null);
  const marks = usePushes(range);
  const calls = useSeries({ metric: "calls", byKind: true, rate: true }, range);
  const errors = useSeries({ metric: "errors", label: "failing", rate: true }, range);
  const p50 = useSeries({ metric: "p50" }, range);
  const p95 = useSeries({ metric: "p95" }, range);
  const p99 = useSeries({ metric: "p99" }, range);
  const hit = useSeries({ metric: "cacheHit", rate: true }, range);
  const miss = useSeries({ metric: "cacheMiss", rate: true }, range);
  const reruns = useSeries({ metric: "reruns", label: "re-runs", rate: true }, range);
  const unchanged = useSeries({ metric: "unchanged", label: "of them for nothing", rate: true }, range);
  const latency = useMemo(() => together(p50, p95, p99), [p50, p95, p99]);
  const cache = useMemo(() => share(hit, miss, "from cache"), [hit, miss]);
  const again = useMemo(() => together(reruns, unchanged), [reruns, unchanged]);
  const shared = { marks, zoom, onZoom: setZoom, empty: "Nothing in this time" };
  return (
    <section aria-label="Over time" className="over-time" data-testid="history-charts">
      <div className="page-head">
        <h2>Over time</h2>
        <span className="muted">last {range.label}</span>
        <span className="grow" />
        {zoom && <Button onClick={() => setZoom(null)}>Whole range</Button>}
      </div>
      <div className="cards">
        <MetricChart title="Calls a second" metric={calls} format={short} stacked testId="chart-calls" {...shared} />
        <MetricChart title="Time they took" metric={latency} format={ms} testId="chart-latency" {...shared} />
        <MetricChart title="Failing calls a second" metric={errors} format={short} {...shared} />
        <MetricChart title="Answered from cache" metric={cache} format={percents} max={100} {...shared} />
        <MetricChart title="Queries that ran again, a second" metric={again} format={short} {...shared} />
      </div>
    </section>
  );
}
