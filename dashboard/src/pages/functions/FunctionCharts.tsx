// The charts of a function, and what makes a query run again: minute by minute for an hour, and day
// by day for longer.

import { useMemo } from "react";
import { MetricChart } from "../../components/MetricChart";
import { RangePicker } from "../../components/RangePicker";
import { figured } from "../../lib/figured";
import { duration, short } from "../../lib/format";
import { useMetric, type Series } from "../../lib/metrics";
import { plainPath, type AppFunction } from "../../lib/modules";
import { useRange, type Range } from "../../lib/range";
import { useUsage, type UsageDay } from "../../lib/usage";

const DAY_S = 86_400;
const HOUR_S = 3_600;
const seconds = (value: number) => duration(value * 1000);
const percents = (value: number) => `${Math.round(value)} %`;
const milliseconds = (value: number) => duration(value);

const named = (series: Series[] | undefined) => series?.map((one) => ({ ...one, name: `p${one.name}` }));

export function FunctionCharts({ fn }: { fn: AppFunction }) {
  const range = useRange();
  return (
    <>
      <RangePicker />
      {range.seconds <= HOUR_S ? <ByMinute key={range.id} fn={fn} range={range} /> : <ByDay key={range.id} fn={fn} range={range} />}
    </>
  );
}

interface Props {
  fn: AppFunction;
  range: Range;
}

function ByMinute({ fn, range }: Props) {
  const query = { path: fn.path, udfType: fn.udfType, ...(fn.component ? { componentPath: fn.component } : {}) };
  const over = { seconds: range.seconds };
  const calls = useMetric("udf_rate", { ...query, metric: "invocations" }, { ...over, label: "calls" });
  const errors = useMetric("udf_rate", { ...query, metric: "errors" }, { ...over, label: "errors" });
  const latency = useMetric("latency_percentiles", { ...query, percentiles: "[50,90,95,99]" }, over);
  const latencySeries = { ...latency, series: named(latency.series) };
  const empty = "Nothing in this time";
  return (
    <div className="cards">
      <MetricChart title="Calls a minute" metric={calls} format={short} empty={empty} testId="chart-calls" />
      <MetricChart title="Errors a minute" metric={errors} format={short} empty="No errors in this time" />
      <MetricChart title="Execution time" metric={latencySeries} format={seconds} empty={empty} testId="chart-latency" />
      {fn.udfType === "Query" && <CacheCharts query={query} range={range} />}
    </div>
  );
}

function CacheCharts({ query, range }: { query: Record<string, string>; range: Range }) {
  const over = { seconds: range.seconds };
  const cache = useMetric("cache_hit_percentage", query, { ...over, label: "answered from cache" });
  const reruns = useMetric("udf_rate", { ...query, metric: "subscriptionInvalidations" }, { ...over, label: "re-runs" });
  return (
    <>
      <MetricChart title="Answered from cache" metric={cache} format={percents} max={100} empty="Nothing in this time" />
      <MetricChart title="Re-runs because data changed" metric={reruns} format={short} empty="No re-runs in this time" />
    </>
  );
}

/** What is added up of a function in a day. */
const CALLS = 0;
const ERRORS = 1;
const MICROS = 2;
const DOCUMENTS_READ = 3;

function ByDay({ fn, range }: Props) {
  const { usage, error } = useUsage(Math.round(range.seconds / DAY_S));
  const name = `${fn.udfType} ${figured(fn.component, plainPath(fn.path))}`;
  const metric = useMemo(() => {
    const line = (label: string, of: (cells: number[]) => number | null) => ({
      series: usage ? [{ name: label, points: dailyPoints(usage, range, name, of) }] : undefined,
      error: error ?? undefined,
    });
    const aCall = (cell: number, by: number) => (cells: number[]) => (cells[CALLS] ? cells[cell]! / cells[CALLS]! / by : null);
    return {
      calls: line("calls", (cells) => cells[CALLS] ?? 0),
      errors: line("errors", (cells) => cells[ERRORS] ?? 0),
      time: line("mean", aCall(MICROS, 1000)),
      read: line("documents", aCall(DOCUMENTS_READ, 1)),
    };
  }, [usage, error, range, name]);
  const empty = "Nothing in this time";
  return (
    <div className="cards">
      <MetricChart title="Calls a day" metric={metric.calls} format={short} empty={empty} testId="chart-calls" />
      <MetricChart title="Errors a day" metric={metric.errors} format={short} empty={empty} />
      <MetricChart title="Time in code, mean" metric={metric.time} format={milliseconds} empty={empty} />
      <MetricChart title="Documents read, mean" metric={metric.read} format={short} empty={empty} />
    </div>
  );
}

/** A point for each day (UTC) of the range, also for those of which nothing is known. */
function dailyPoints(usage: UsageDay[], range: Range, name: string, of: (cells: number[]) => number | null): Series["points"] {
  const known = new Map(usage.map((one) => [one.day, one.functions[name] ?? []]));
  const today = Math.floor(Date.now() / (DAY_S * 1000)) * DAY_S * 1000;
  const days = Math.round(range.seconds / DAY_S);
  return Array.from({ length: days }, (_, at) => {
    const day = today - (days - 1 - at) * DAY_S * 1000;
    return [day, of(known.get(day) ?? [])];
  });
}
