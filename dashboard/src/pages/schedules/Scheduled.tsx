// Functions that wait for their time, soonest first.

import { CalendarClock } from "lucide-react";
import { usePaginatedQuery } from "convex/react";
import { useState } from "react";
import { Badge, Button, Confirm, Empty, Loading, Time } from "../../components/ui";
import { useLiveHere, useScope } from "../../lib/component";
import { useDeployment } from "../../lib/deployment";
import { toMs } from "../../lib/format";
import { messageOf } from "../../lib/live";
import { plainPath, useFunctions } from "../../lib/modules";
import { system, type ScheduledJob } from "../../lib/system";
import { toast } from "../../lib/toasts";
import { formatValue } from "../../lib/values";

const PAGE = 50;
const pathOf = (job: ScheduledJob) => plainPath(job.udfPath ?? job.name ?? "");

export function Scheduled() {
  const { http } = useDeployment();
  const { functions = [] } = useFunctions();
  const [only, setOnly] = useState("");
  const [cancelling, setCancelling] = useState(false);
  const scope = useScope();
  const args = { ...scope.args, ...(only ? { udfPath: only } : {}) };
  const { results, status, loadMore } = usePaginatedQuery(system.scheduled as never, args as never, { initialNumItems: PAGE }) as {
    results: ScheduledJob[];
    status: string;
    loadMore: (items: number) => void;
  };
  const cancel = async (job: ScheduledJob) => {
    try {
      await http.post("/api/cancel_job", { id: job._id, componentId: scope.id });
      toast(`Cancelled ${pathOf(job)}`);
    } catch (error) {
      toast(messageOf(error), "error");
    }
  };
  return (
    <>
      <div className="page-head">
        <select aria-label="Function" value={only} onChange={(event) => setOnly(event.target.value)} data-testid="scheduled-function">
          <option value="">all functions</option>
          {functions
            .filter(({ udfType }) => udfType === "Mutation" || udfType === "Action")
            .map(({ path }) => (
              <option key={path}>{path}</option>
            ))}
        </select>
        <span className="muted" data-testid="scheduled-count">
          {results.length}
          {status === "CanLoadMore" ? "+" : ""} waiting
        </span>
        <span className="grow" />
        <Button look="danger" needs="WriteData" disabled={results.length === 0} onClick={() => setCancelling(true)} data-testid="cancel-all">
          Cancel all{only ? ` of ${only}` : ""}
        </Button>
      </div>
      {status === "LoadingFirstPage" ? (
        <Loading />
      ) : results.length === 0 ? (
        <Empty title="Nothing is scheduled" icon={<CalendarClock size={26} />}>
          What your functions schedule with <code>ctx.scheduler</code> waits here for its time.
        </Empty>
      ) : (
        <section className="card flush">
          <table className="table" aria-label="Scheduled functions">
            <thead>
              <tr>
                <th>When</th>
                <th>Function</th>
                <th>Arguments</th>
                <th>State</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {results.map((job) => (
                <tr key={job._id} data-testid="scheduled-row">
                  <td className="nowrap">
                    <Time ms={toMs(job.nextTs ?? job.scheduledTime) ?? job._creationTime} />
                  </td>
                  <td className="mono nowrap">{pathOf(job)}</td>
                  <td className="mono truncate">
                    <Arguments job={job} />
                  </td>
                  <td>
                    <Badge kind={job.state.type === "pending" ? "plain" : "info"}>{job.state.type}</Badge>
                  </td>
                  <td className="right">
                    <Button look="quiet" needs="WriteData" onClick={() => void cancel(job)} data-testid="cancel-job">
                      Cancel
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {status === "CanLoadMore" && <Button onClick={() => loadMore(PAGE)}>Show more</Button>}
      {cancelling && (
        <Confirm
          title={only ? `Cancel every call of ${only}?` : "Cancel everything that is scheduled?"}
          button="Cancel them"
          onClose={() => setCancelling(false)}
          run={async () => {
            await http.post("/api/cancel_all_jobs", args);
            toast("Cancelled");
          }}
        >
          <p>What has begun already goes on; what waits will not run.</p>
        </Confirm>
      )}
    </>
  );
}

export function Arguments({ job }: { job: Pick<ScheduledJob, "args" | "argsId"> }) {
  const stored = useLiveHere(system.scheduledArgs, job.args === undefined && job.argsId ? { argsId: job.argsId } : "skip").data;
  const value = job.args ?? stored;
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return <>{single === undefined ? "" : formatValue(single)}</>;
}
