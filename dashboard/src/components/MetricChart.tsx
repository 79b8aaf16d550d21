// A card with the chart of one metric, in all its states.

import type { ReactNode } from "react";
import type { Series } from "../lib/metrics";
import { Chart } from "./Chart";
import { Problem } from "./ui";

interface Props {
  title: string;
  metric: { series: Series[] | undefined; error: Error | undefined };
  format?: (value: number) => string;
  stacked?: boolean;
  max?: number;
  empty?: string;
  aside?: ReactNode;
  testId?: string;
  marks?: number[];
  zoom?: [number, number] | null;
  onZoom?: (range: [number, number]) => void;
}

const hasNumbers = (series: Series[]) => series.some(({ points }) => points.some(([, value]) => value !== null));

export function MetricChart({ title, metric, format, stacked, max, empty = "Nothing in this hour", aside, ...rest }: Props) {
  const { series, error } = metric;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {error && !series ? (
        <Problem error={error} />
      ) : !series ? (
        <div className="chart-blank skeleton" />
      ) : hasNumbers(series) ? (
        <Chart title={title} series={series} format={format} stacked={stacked} max={max} {...rest} />
      ) : (
        <div className="chart-blank muted">{empty}</div>
      )}
    </section>
  );
}
