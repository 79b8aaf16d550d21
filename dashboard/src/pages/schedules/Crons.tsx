// Cron jobs with their last and next run, and what earlier runs did.

import { Play, Timer } from "lucide-react";
import { Fragment, useState } from "react";
import { GridTable } from "../../components/GridTable";
import { Badge, Button, Empty, Loading, Problem, Time } from "../../components/ui";
import { useCallHere, useLiveHere } from "../../lib/component";
import { duration, toMs } from "../../lib/format";
import { messageOf } from "../../lib/live";
import { useRange } from "../../lib/range";
import { plainPath } from "../../lib/modules";
import { system, type CronJobInfo, type CronRunInfo } from "../../lib/system";
import { toast } from "../../lib/toasts";

const DAYS: Record<string, string> = {};

/** `{type:"interval", seconds:60n}` and its sisters, in words. */
export function scheduleText(schedule: Record<string, unknown>): string {
  const number = (name: string) => Number(schedule[name] ?? 0);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(number("hourUTC"))}:${two(number("minuteUTC"))} UTC`;
  switch (schedule.type) {
    case "interval":
      return `every ${duration(number("seconds") * 1000)}`;
    case "hourly":
      return `hourly at :${two(number("minuteUTC"))}`;
    case "daily":
      return `daily at ${time}`;
    case "weekly":
      return `${DAYS[String(schedule.dayOfWeek)] ?? `weekly on day ${String(schedule.dayOfWeek)}`} at ${time}`;
    case "monthly":
      return `monthly on day ${number("day")} at ${time}`;
    case "cron":
      return `cron ${String(schedule.cronExpr)}`;
    default:
      return String(schedule.type);
  }
}
["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"].forEach((day, index) => {
  for (const name of [day, day.toLowerCase(), String(index)]) DAYS[name] = `${day}s`;
});

const succeeded = (run: CronRunInfo) => run.status?.type !== "err" && run.status?.type !== "failed";

export function Crons() {
  const { data, error } = useLiveHere(system.crons, {});
  const range = useRange();
  const all = useLiveHere(system.cronRuns, {}).data ?? [];
  const runs = all.filter((run) => (toMs(run.ts) ?? run._creationTime) >= Date.now() - range.seconds * 1000);
  const call = useCallHere();
  const [open, setOpen] = useState<string | null>(null);
  if (error) return <Problem error={error} />;
  if (!data) return <Loading />;
  if (data.length === 0) {
    return (
      <Empty title="No cron jobs" icon={<Timer size={26} />}>
        Jobs in <code>convex/crons.ts</code> appear here with their runs.
      </Empty>
    );
  }
  const runNow = async (name: string) => {
    try {
      await call(system.runCron, { name });
      toast(`Started ${name}`);
      setOpen(name);
    } catch (problem) {
      toast(messageOf(problem), "error");
    }
  };
  return (
    <section className="card flush">
      <GridTable className="table blocks" aria-label="Cron jobs">
        <thead>
          <tr>
            <th>Name</th>
            <th>Schedule</th>
            <th>Function</th>
            <th>Last run</th>
            <th>Next run</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {data.map((job) => {
            const own = runs.filter((run) => run.name === job.name);
            return (
              <Fragment key={job._id}>
                <CronRow job={job} runs={own} open={open === job.name} onToggle={() => setOpen(open === job.name ? null : job.name)} onRun={() => void runNow(job.name)} />
                {open === job.name && (
                  <tr>
                    <td colSpan={6}>
                      <Runs runs={own} />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </GridTable>
    </section>
  );
}

interface RowProps {
  job: CronJobInfo;
  runs: CronRunInfo[];
  open: boolean;
  onToggle: () => void;
  onRun: () => void;
}

function CronRow({ job, runs, open, onToggle, onRun }: RowProps) {
  const failed = runs.filter((run) => !succeeded(run)).length;
  const next = toMs(job.nextRun?.nextTs);
  const last = job.lastRun ? (toMs(job.lastRun.ts) ?? job.lastRun._creationTime) : null;
  return (
    <tr data-testid="cron-row">
      <td>
        <button type="button" className="link" aria-expanded={open} onClick={onToggle}>
          {open ? "▾" : "▸"} {job.name}
        </button>{" "}
        {runs.length > 0 && (
          <span className="muted" data-testid="cron-runs">
            {runs.length === 1 ? "1 run" : `${runs.length} runs`}
            {failed > 0 && `, ${failed} failed`}
          </span>
        )}
      </td>
      <td data-label="Schedule">{scheduleText(job.cronSpec.cronSchedule)}</td>
      <td className="mono" data-label="Function">{plainPath(job.cronSpec.udfPath)}</td>
      <td data-label="Last run">
        {last === null || !job.lastRun ? (
          <span className="muted">never</span>
        ) : (
          <>
            <Badge kind={succeeded(job.lastRun) ? "ok" : "error"}>{succeeded(job.lastRun) ? "ok" : "failed"}</Badge> <Time ms={last} />
          </>
        )}
      </td>
      <td data-label="Next run">{job.nextRun?.state.type === "inProgress" ? <Badge kind="info">running</Badge> : next !== null ? <Time ms={next} /> : "–"}</td>
      <td className="right">
        <Button look="quiet" needs="WriteData" icon={<Play size={13} />} onClick={onRun} data-testid="cron-run">
          Run now
        </Button>
      </td>
    </tr>
  );
}

function Runs({ runs }: { runs: CronRunInfo[] }) {
  if (runs.length === 0) return <p className="muted">No runs in this time.</p>;
  return (
    <ul className="runs">
      {runs.slice(0, 50).map((run) => (
        <li key={run._id} data-testid="cron-run-row">
          <Badge kind={succeeded(run) ? "ok" : "error"}>{succeeded(run) ? "ok" : "failed"}</Badge>
          <Time ms={toMs(run.ts) ?? run._creationTime} />
          <span className="muted">{run.executionTime === undefined ? "" : duration(Number(run.executionTime) * 1000)}</span>
          <code className="truncate">{run.status?.error ?? ""}</code>
        </li>
      ))}
    </ul>
  );
}
