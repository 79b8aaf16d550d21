// Scheduled functions that have failed, newest first, each to be run again with the same arguments.

import { usePaginatedQuery } from "convex/react";
import { CircleCheck, RotateCcw } from "lucide-react";
import { useState } from "react";
import { Button, Confirm, Empty, Loading, Time } from "../../components/ui";
import { useCallHere, useScope } from "../../lib/component";
import { plainPath } from "../../lib/modules";
import { system, type FailedJob } from "../../lib/system";
import { toast } from "../../lib/toasts";
import { Arguments } from "./Scheduled";

const PAGE = 50;

export function Failed() {
  const call = useCallHere();
  const scope = useScope();
  const [again, setAgain] = useState<FailedJob | null>(null);
  const { results, status, loadMore } = usePaginatedQuery(system.failedJobs as never, scope.args as never, { initialNumItems: PAGE }) as {
    results: FailedJob[];
    status: string;
    loadMore: (items: number) => void;
  };
  if (status === "LoadingFirstPage") return <Loading />;
  if (results.length === 0) {
    return (
      <Empty title="Nothing has failed" icon={<CircleCheck size={26} />}>
        Scheduled functions that fail are kept here for a week and can be run again.
      </Empty>
    );
  }
  return (
    <>
      <section className="card flush">
        <table className="table blocks failed" aria-label="Failed functions">
          <thead>
            <tr>
              <th>When</th>
              <th>Function</th>
              <th>Arguments</th>
              <th>Error</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {results.map((job) => (
              <tr key={job._id} data-testid="failed-row">
                <td className="nowrap">
                  <Time ms={job.completedTime ?? job.scheduledTime} />
                </td>
                <td className="mono nowrap" data-label="Function">
                  {plainPath(job.udfPath)}
                </td>
                <td className="mono truncate" data-label="Arguments">
                  <Arguments job={job} />
                </td>
                <td className="mono truncate" data-label="Error" title={job.error}>
                  {job.error}
                </td>
                <td className="right">
                  <Button look="quiet" needs="WriteData" icon={<RotateCcw size={13} />} disabled={scope.unmounted} onClick={() => setAgain(job)} data-testid="retry-job">
                    Run again
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {status === "CanLoadMore" && <Button onClick={() => loadMore(PAGE)}>Show more</Button>}
      {again && (
        <Confirm
          title={`Run ${plainPath(again.udfPath)} again?`}
          button="Run again"
          onClose={() => setAgain(null)}
          run={async () => {
            await call(system.retryJob, { id: again._id });
            toast(`Scheduled ${plainPath(again.udfPath)} again`);
          }}
        >
          <p>It is scheduled anew, at once and with the same arguments. What it has done outside before it failed it may do twice.</p>
          <p className="mono truncate">
            <Arguments job={again} />
          </p>
        </Confirm>
      )}
    </>
  );
}
