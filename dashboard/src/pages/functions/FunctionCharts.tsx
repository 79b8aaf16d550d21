// The four charts of a function, and what makes a query run again.

import { MetricChart } from "../../components/MetricChart";
import { duration, short } from "../../lib/format";
import { useMetric, type Series } from "../../lib/metrics";
import type { AppFunction } from "../../lib/modules";

const seconds = (value: number) => duration(value * 1000);
const percents = (value: number) => `${Math.round(value)} %`;

const named = (series: Series[] | undefined) => series?.map((one) => ({ ...one, name: `p${one.name}` }));

export function FunctionCharts({ fn }: { fn: AppFunction }) {
  const query = { path: fn.path, udfType: fn.udfType, ...(fn.component ? { componentPath: fn.component } : {}) };
  const calls = useMetric("udf_rate", { ...query, metric: "invocations" }, { label: "calls" });
  const errors = useMetric("udf_rate", { ...query, metric: "errors" }, { label: "errors" });
  const latency = useMetric("latency_percentiles", { ...query, percentiles: "[50,90,95,99]" });
  const latencySeries = { ...latency, series: named(latency.series) };
  return (
    <div className="cards">
      <MetricChart title="Calls a minute" metric={calls} format={short} />
      <MetricChart title="Errors a minute" metric={errors} format={short} empty="No errors in this hour" />
      <MetricChart title="Execution time" metric={latencySeries} format={seconds} testId="chart-latency" />
      {fn.udfType === "Query" && <CacheCharts query={query} />}
    </div>
  );
}

function CacheCharts({ query }: { query: Record<string, string> }) {
  const cache = useMetric("cache_hit_percentage", query, { label: "answered from cache" });
  const reruns = useMetric("udf_rate", { ...query, metric: "subscriptionInvalidations" }, { label: "re-runs" });
  return (
    <>
      <MetricChart title="Answered from cache" metric={cache} format={percents} max={100} />
      <MetricChart title="Re-runs because data changed" metric={reruns} format={short} empty="No re-runs in this hour" />
    </>
  );
}
