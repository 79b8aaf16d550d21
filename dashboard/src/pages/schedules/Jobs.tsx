// A page of scheduled functions: what waits and what has failed are both shown by it.

import type { ReactNode } from "react";
import { GridTable } from "../../components/GridTable";
import { Button } from "../../components/ui";
import { useLiveHere } from "../../lib/component";
import { system, type ScheduledJob } from "../../lib/system";
import { formatValue } from "../../lib/values";

/** How many jobs are asked for at a time. */
export const PAGE = 50;

/** The pages of a list that are loaded, and the way to more of it. */
export interface Pages<Job> {
  results: Job[];
  status: string;
  loadMore: (items: number) => void;
}

interface Shown<Job> {
  label: string;
  /** The test id of a row. */
  row: string;
  className?: string;
  when: (job: Job) => ReactNode;
  path: (job: Job) => string;
  /** The column that only this list has: its heading, and its cell. */
  own: [string, (job: Job) => { text: ReactNode; className?: string; title?: string }];
  /** What can be done with a job. */
  action: (job: Job) => ReactNode;
}

export function Jobs<Job extends Pick<ScheduledJob, "_id" | "args" | "argsId">>({ pages, shown }: { pages: Pages<Job>; shown: Shown<Job> }) {
  const [heading, cell] = shown.own;
  return (
    <>
      <section className="card flush">
        <GridTable className={`table blocks ${shown.className ?? ""}`} aria-label={shown.label} rowCount={pages.status === "Exhausted" ? pages.results.length : -1}>
          <thead>
            <tr>
              <th>When</th>
              <th>Function</th>
              <th>Arguments</th>
              <th>{heading}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {pages.results.map((job) => {
              const { text, ...own } = cell(job);
              return (
                <tr key={job._id} data-testid={shown.row}>
                  <td className="nowrap">{shown.when(job)}</td>
                  <td className="mono nowrap" data-label="Function">
                    {shown.path(job)}
                  </td>
                  <td className="mono truncate" data-label="Arguments">
                    <Arguments job={job} />
                  </td>
                  <td data-label={heading} {...own}>
                    {text}
                  </td>
                  <td className="right">{shown.action(job)}</td>
                </tr>
              );
            })}
          </tbody>
        </GridTable>
      </section>
      {pages.status === "CanLoadMore" && <Button onClick={() => pages.loadMore(PAGE)}>Show more</Button>}
    </>
  );
}

export function Arguments({ job }: { job: Pick<ScheduledJob, "args" | "argsId"> }) {
  const stored = useLiveHere(system.scheduledArgs, job.args === undefined && job.argsId ? { argsId: job.argsId } : "skip").data;
  const value = job.args ?? stored;
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return <>{single === undefined ? "" : formatValue(single)}</>;
}
