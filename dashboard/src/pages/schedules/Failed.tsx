// Scheduled functions that have failed, newest first, each to be run again with the same arguments.

import { usePaginatedQuery } from "convex/react";
import { CircleCheck, RotateCcw } from "lucide-react";
import { useState } from "react";
import { Button, Confirm, Empty, Loading, Time } from "../../components/ui";
import { useCallHere, useScope } from "../../lib/component";
import { useRange } from "../../lib/range";
import { plainPath } from "../../lib/modules";
import { system, type FailedJob } from "../../lib/system";
import { toast } from "../../lib/toasts";
import { Arguments, Jobs, PAGE, type Pages } from "./Jobs";

export function Failed() {
  const call = useCallHere();
  const scope = useScope();
  const range = useRange();
  const [again, setAgain] = useState<FailedJob | null>(null);
  const pages = usePaginatedQuery(system.failedJobs as never, scope.args as never, { initialNumItems: PAGE }) as Pages<FailedJob>;
  if (pages.status === "LoadingFirstPage") return <Loading />;
  // Newest first: when one is too old, so are all that follow.
  const within = pages.results.filter((job) => (job.completedTime ?? job.scheduledTime) >= Date.now() - range.seconds * 1000);
  const shown = within.length < pages.results.length ? { ...pages, results: within, status: "Exhausted" } : pages;
  if (within.length === 0) {
    return (
      <Empty title={pages.results.length === 0 ? "Nothing has failed" : "Nothing has failed in this time"} icon={<CircleCheck size={26} />}>
        Scheduled functions that fail are kept here for a week and can be run again.
      </Empty>
    );
  }
  return (
    <>
      <Jobs
        pages={shown}
        shown={{
          label: "Failed functions",
          row: "failed-row",
          className: "failed",
          when: (job) => <Time ms={job.completedTime ?? job.scheduledTime} />,
          path: (job) => plainPath(job.udfPath),
          own: ["Error", ({ error }) => ({ text: error, title: error, className: "mono truncate" })],
          action: (job) => (
            <Button look="quiet" needs="WriteData" icon={<RotateCcw size={13} />} disabled={scope.unmounted} onClick={() => setAgain(job)} data-testid="retry-job">
              Run again
            </Button>
          ),
        }}
      />
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
