// Functions that wait for their time, soonest first.

import { CalendarClock } from "lucide-react";
import { usePaginatedQuery } from "convex/react";
import { useState } from "react";
import { Badge, Button, Confirm, Empty, Loading, Time } from "../../components/ui";
import { useScope } from "../../lib/component";
import { useDeployment } from "../../lib/deployment";
import { toMs } from "../../lib/format";
import { messageOf } from "../../lib/live";
import { plainPath, useFunctions } from "../../lib/modules";
import { system, type ScheduledJob } from "../../lib/system";
import { toast } from "../../lib/toasts";
import { Jobs, PAGE, type Pages } from "./Jobs";

const pathOf = (job: ScheduledJob) => plainPath(job.udfPath ?? job.name ?? "");

export function Scheduled() {
  const { http } = useDeployment();
  const { functions = [] } = useFunctions();
  const [only, setOnly] = useState("");
  const [cancelling, setCancelling] = useState(false);
  const scope = useScope();
  const args = { ...scope.args, ...(only ? { udfPath: only } : {}) };
  const pages = usePaginatedQuery(system.scheduled as never, args as never, { initialNumItems: PAGE }) as Pages<ScheduledJob>;
  const { results, status } = pages;
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
        <Jobs
          pages={pages}
          shown={{
            label: "Scheduled functions",
            row: "scheduled-row",
            when: (job) => <Time ms={toMs(job.nextTs ?? job.scheduledTime) ?? job._creationTime} />,
            path: pathOf,
            own: ["State", ({ state }) => ({ text: <Badge kind={state.type === "pending" ? "plain" : "info"}>{state.type}</Badge> })],
            action: (job) => (
              <Button look="quiet" needs="WriteData" onClick={() => void cancel(job)} data-testid="cancel-job">
                Cancel
              </Button>
            ),
          }}
        />
      )}
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
