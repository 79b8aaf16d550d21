// A strip of what is due: scheduled functions and runs of cron jobs, by minute for the next hour
// and by hour for the next day, with its numbers as a table.

import { useEffect, useRef, useState } from "react";
import { Badge, Problem } from "../../components/ui";
import { AHEAD, barsOf, edgesOf, startOf, type Ahead, type Bar } from "../../lib/coming";
import { useLiveHere } from "../../lib/component";
import { count, dateTime } from "../../lib/format";
import { system } from "../../lib/system";

const WIDTH = 720;
const HEIGHT = 64;
const GAP = 1.5;
const LABELS = 6;

/** The beginning of the minute that it is now. */
function useMinute(): number {
  const [minute, setMinute] = useState(() => startOf(Date.now(), AHEAD[0]!));
  useEffect(() => {
    const timer = window.setInterval(() => setMinute(startOf(Date.now(), AHEAD[0]!)), 1_000);
    return () => window.clearInterval(timer);
  }, []);
  return minute;
}

const minuteOf = (at: number) => dateTime(at).slice(11, 16);

export function Coming() {
  const [ahead, setAhead] = useState<Ahead>(AHEAD[0]!);
  const edges = edgesOf(startOf(useMinute(), ahead), ahead);
  const { data, error } = useLiveHere(system.coming, { edges });
  // Each minute asks anew; what was shown stays until the answer is there.
  const last = useRef<{ ahead: Ahead; bars: Bar[] } | null>(null);
  if (data) last.current = { ahead, bars: barsOf(edges, data) };
  const bars = last.current?.ahead === ahead ? last.current.bars : undefined;
  const sum = (name: "scheduled" | "crons") => bars?.reduce((total, bar) => total + bar[name], 0) ?? 0;
  const [scheduled, crons] = [sum("scheduled"), sum("crons")];
  const most = Math.max(0, ...(bars ?? []).map(({ total }) => total));
  return (
    <section className="card coming" data-testid="coming" data-scheduled={bars && scheduled} data-crons={bars && crons}>
      <div className="card-head">
        <h2>Coming load</h2>
        <div className="segmented" role="group" aria-label="How far ahead">
          {AHEAD.map((one) => (
            <button key={one.label} type="button" aria-pressed={one === ahead} onClick={() => setAhead(one)} data-testid={`coming-${one.each}`}>
              {one.label}
            </button>
          ))}
        </div>
        <span className="grow" />
        {data && data.overdue > 0 && (
          <Badge kind="warn" title="Their time has come and they have not begun">
            {count(data.overdue)} overdue
          </Badge>
        )}
        <span className="muted coming-key">
          <i className="scheduled" /> {count(scheduled)} scheduled <i className="crons" /> {count(crons)} cron {crons === 1 ? "run" : "runs"}
          {most > 0 && `, at most ${count(most)} per ${ahead.each}`}
        </span>
      </div>
      {error ? <Problem error={error} /> : !bars ? <div className="coming-blank skeleton" /> : <Strip ahead={ahead} bars={bars} />}
    </section>
  );
}

function Strip({ ahead, bars }: { ahead: Ahead; bars: Bar[] }) {
  const title = `What is due by ${ahead.each}`;
  const high = Math.max(1, ...bars.map(({ total }) => total));
  const step = WIDTH / bars.length;
  const size = (value: number) => (value === 0 ? 0 : Math.max(2, (value / high) * (HEIGHT - 4)));
  return (
    <figure className="chart" aria-label={title}>
      <div aria-hidden="true">
        <svg className="coming-strip" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
          <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
          {bars.map(({ at, scheduled, crons, total }, index) => {
            const [lower, upper] = [size(crons), size(scheduled)];
            const box = { x: index * step + GAP / 2, width: step - GAP };
            return (
              <g key={at}>
                <title>{`${minuteOf(at)}: ${count(scheduled)} scheduled, ${count(crons)} cron runs`}</title>
                <rect className="hover" x={index * step} width={step} y={0} height={HEIGHT} />
                {total > 0 && <rect className="crons" {...box} y={HEIGHT - lower} height={lower} />}
                {total > 0 && <rect className="scheduled" {...box} y={HEIGHT - lower - upper} height={upper} />}
              </g>
            );
          })}
        </svg>
        <div className="coming-times muted">
          {bars
            .filter((_, index) => index % (bars.length / LABELS) === 0)
            .map(({ at }) => (
              <span key={at}>{minuteOf(at)}</span>
            ))}
        </div>
      </div>
      <table className="sr-only" data-testid="coming-table">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th>From</th>
            <th>Scheduled functions</th>
            <th>Runs of cron jobs</th>
          </tr>
        </thead>
        <tbody>
          {bars.map(({ at, scheduled, crons }) => (
            <tr key={at}>
              <td>{dateTime(at)}</td>
              <td>{count(scheduled)}</td>
              <td>{count(crons)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
