// The first page: is everything well, and what is going on.

import { lazy, Suspense } from "react";
import { Link } from "react-router";
import { MetricChart } from "../../components/MetricChart";
import { Loading, Time } from "../../components/ui";
import { useDeployment } from "../../lib/deployment";
import { count, duration, short } from "../../lib/format";
import { useLive } from "../../lib/live";
import { functionLabel, useMetric } from "../../lib/metrics";
import { useFunctions } from "../../lib/modules";
import { system } from "../../lib/system";
import { HistoryCharts } from "./HistoryCharts";
import { SetUp } from "./SetUp";

const Tiles = lazy(() => import("./Tiles"));
const Advice = lazy(() => import("./Advice"));
const Now = lazy(() => import("./Now"));

export default function Overview() {
  const { has, session } = useDeployment();
  const { functions } = useFunctions();
  const tables = useLive(system.tables, {}).data;
  const empty = functions?.length === 0;
  return (
    <div className="page" data-testid="overview">
      <div className="page-head">
        <h1>{session.name}</h1>
      </div>
      {has("introspection") && (
        <Suspense fallback={<Loading rows={2} />}>
          <Tiles />
        </Suspense>
      )}
      {empty ? <SetUp /> : <Facts functions={functions?.length} tables={tables && Object.values(tables).filter((name) => !name.startsWith("_")).length} />}
      {!empty && has("introspection") && (
        <Suspense>
          <Advice />
        </Suspense>
      )}
      {!empty && has("introspection") && (
        <Suspense>
          <Now />
        </Suspense>
      )}
      {!empty && has("introspection") && <HistoryCharts />}
      {!empty && has("metrics") && <Charts />}
    </div>
  );
}

function Facts({ functions, tables }: { functions: number | undefined; tables: number | undefined }) {
  const { session, config } = useDeployment();
  const push = useLive(system.lastPush, {}).data;
  const siteUrl = useLive(system.siteUrl, {}).data;
  const version = useLive(system.version, {}).data;
  return (
    <section className="card facts" aria-label="Deployment">
      <dl>
        <div>
          <dt>API</dt>
          <dd className="mono">{session.url}</dd>
        </div>
        {siteUrl && (
          <div>
            <dt>HTTP actions</dt>
            <dd className="mono">{siteUrl}</dd>
          </div>
        )}
        <div>
          <dt>Functions</dt>
          <dd>
            <Link to="/functions">{functions === undefined ? "…" : count(functions)}</Link>
          </dd>
        </div>
        <div>
          <dt>Tables</dt>
          <dd>
            <Link to="/data">{tables === undefined ? "…" : count(tables)}</Link>
          </dd>
        </div>
        {push && (
          <div>
            <dt>Last push</dt>
            <dd>
              <Link to="/history">
                <Time ms={push._creationTime} />
              </Link>
            </dd>
          </div>
        )}
        {version && (
          <div>
            <dt>convex package</dt>
            <dd>{version}</dd>
          </div>
        )}
        {config.version && (
          <div>
            <dt>Lentil</dt>
            <dd>{config.version}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}

const percents = (value: number) => `${Math.round(value)} %`;
const seconds = (value: number) => duration(value * 1000);
const TOP = { k: "5" };

function Charts() {
  const calls = useLabelled("function_call_count_top_k");
  const failures = useLabelled("failure_percentage_top_k");
  const cache = useLabelled("cache_hit_percentage_top_k");
  const reruns = useLabelled("subscription_invalidations_top_k");
  const lag = useMetric("scheduled_job_lag", {}, { label: "lag", refreshMs: 60_000 });
  const running = useMetric("function_concurrency", {});
  const concurrency = {
    ...running,
    series: running.series
      ?.filter(({ points }) => points.some(([, value]) => value))
      .map((one) => ({ ...one, name: one.name.replace("outstanding_functions:", "").replaceAll(":", " ") })),
  };
  return (
    <section aria-label="The last hour by function" className="over-time">
      <h2>The last hour by function</h2>
      <div className="cards">
      <MetricChart title="Calls a minute" metric={calls} format={short} />
      <MetricChart title="Failures" metric={failures} format={percents} max={100} empty="Nothing has run in this hour" />
      <MetricChart title="Answered from cache" metric={cache} format={percents} max={100} empty="No queries in this hour" />
      <MetricChart title="Re-runs because data changed" metric={reruns} format={short} empty="No re-runs in this hour" />
      <MetricChart title="Scheduled work is behind by" metric={lag} format={seconds} empty="Nothing is scheduled" />
      <MetricChart title="Running and queued" metric={concurrency} format={short} empty="Nothing is running" />
      </div>
    </section>
  );
}

function useLabelled(name: string) {
  const metric = useMetric(name, TOP);
  return { ...metric, series: metric.series?.map((one) => ({ ...one, name: functionLabel(one.name) })) };
}
