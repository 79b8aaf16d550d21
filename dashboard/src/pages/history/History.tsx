// What was changed, when and by whom: pushes, edits of data, settings.

import { History as HistoryIcon } from "lucide-react";
import { usePaginatedQuery } from "convex/react";
import { useMemo } from "react";
import { RangePicker } from "../../components/RangePicker";
import { Button, Empty, Loading, Time } from "../../components/ui";
import { Tree } from "../../components/Tree";
import { useParam } from "../../lib/param";
import { momentsOf, useRange } from "../../lib/range";
import { system, type DeploymentEvent } from "../../lib/system";
import { author, describe, PushDiff } from "./describe";

const PAGE = 40;
const ACTIONS: Record<string, string[]> = {
  Pushes: ["push_config", "push_config_with_components", "build_indexes"],
  Data: ["add_documents", "update_documents", "delete_documents", "create_table", "clear_tables", "delete_tables"],
  Settings: [
    "create_environment_variable",
    "update_environment_variable",
    "delete_environment_variable",
    "replace_environment_variable",
    "reveal_environment_variables",
    "accept_key_address",
    "pause_deployment",
    "unpause_deployment",
    "change_deployment_state",
  ],
  Files: ["delete_files", "generate_upload_url"],
  Schedules: ["cancel_scheduled_function", "cancel_all_scheduled_functions", "retry_scheduled_function", "delete_scheduled_jobs_table"],
  "Import and export": ["snapshot_import", "request_export", "cancel_export", "set_export_expiration"],
};

export default function History() {
  const [group, setGroup] = useParam("what");
  const range = useRange();
  const actions = Object.hasOwn(ACTIONS, group) ? ACTIONS[group] : undefined;
  const filters = useMemo(() => {
    const { from, to } = momentsOf(range);
    return { minDate: from, ...(to === null ? {} : { maxDate: to }), ...(actions ? { actions } : {}) };
  }, [range, actions]);
  const everything = !actions && range.id === "all";
  const { results, status, loadMore } = usePaginatedQuery(system.history as never, { filters } as never, { initialNumItems: PAGE }) as {
    results: DeploymentEvent[];
    status: string;
    loadMore: (items: number) => void;
  };
  return (
    <div className="page">
      <RangePicker />
      <div className="page-head">
        <h1>History</h1>
        <span className="grow" />
        <select aria-label="What" value={actions ? group : ""} onChange={(event) => setGroup(event.target.value)} data-testid="history-action">
          <option value="">everything</option>
          {Object.keys(ACTIONS).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      {status === "LoadingFirstPage" ? (
        <Loading />
      ) : results.length === 0 ? (
        <Empty title={everything ? "Nothing happened" : "Nothing of this in this time"} icon={<HistoryIcon size={26} />}>
          Pushes, edits of data and changes of settings are listed here.
        </Empty>
      ) : (
        <ol className="history card flush">
          {results.map((event) => (
            <EventRow key={event._id} event={event} />
          ))}
        </ol>
      )}
      {status === "CanLoadMore" && <Button onClick={() => loadMore(PAGE)}>Show more</Button>}
    </div>
  );
}

function EventRow({ event }: { event: DeploymentEvent }) {
  const details = event.metadata && Object.keys(event.metadata).length > 0;
  return (
    <li data-testid="history-row" data-action={event.action}>
      <details>
        <summary className={details ? "" : "plain"}>
          <span className="history-what">{describe(event)}</span>
          <span className="muted">{author(event)}</span>
          <Time ms={event._creationTime} />
        </summary>
        {details && (event.action.startsWith("push_config") ? <PushDiff metadata={event.metadata!} /> : <Tree value={event.metadata!} open />)}
      </details>
    </li>
  );
}
