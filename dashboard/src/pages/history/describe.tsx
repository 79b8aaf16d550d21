// Events in words.

import type { Value } from "convex/values";
import { Tree } from "../../components/Tree";
import { Badge } from "../../components/ui";
import { count } from "../../lib/format";
import { plainPath } from "../../lib/modules";
import type { DeploymentEvent } from "../../lib/system";

type Metadata = Record<string, Value>;

const list = (value: Value | undefined) => (Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)]);

const documents = (metadata: Metadata) => {
  const number = Number(metadata.count ?? (Array.isArray(metadata.document_ids) ? metadata.document_ids.length : 0));
  return number === 1 ? "a document" : number ? `${count(number)} documents` : "documents";
};

const SENTENCES: Record<string, (metadata: Metadata) => string> = {
  create_environment_variable: (m) => `Set the environment variable ${String(m.variable_name)}`,
  update_environment_variable: (m) => `Changed the environment variable ${String(m.variable_name)}`,
  replace_environment_variable: (m) => `Renamed an environment variable to ${String(m.variable_name)}`,
  delete_environment_variable: (m) => `Deleted the environment variable ${String(m.variable_name)}`,
  accept_key_address: (m) => `Knows the address ${String(m.address)}, from which an admin key was used`,
  reveal_environment_variables: (m) => `Looked at the value of ${list(m.variable_names).join(", ")}`,
  create_table: (m) => `Created the table ${list(m.table ?? m.table_name).join(", ")}`,
  clear_tables: (m) => `Cleared ${list(m.table_names ?? m.table).join(", ")}`,
  delete_tables: (m) => `Deleted the table ${list(m.table_names ?? m.table).join(", ")}`,
  add_documents: (m) => `Added ${documents(m)} to ${String(m.table)}`,
  update_documents: (m) => `Changed ${documents(m)} of ${String(m.table)}`,
  delete_documents: (m) => `Deleted ${documents(m)} of ${String(m.table)}`,
  push_config: () => "Pushed code",
  push_config_with_components: (m) => (m.message ? `Pushed code: ${String(m.message)}` : "Pushed code"),
  build_indexes: () => "Changed indexes",
  pause_deployment: () => "Paused the deployment",
  unpause_deployment: () => "Resumed the deployment",
  change_deployment_state: (m) => `Changed the state from ${String(m.old_state)} to ${String(m.new_state)}`,
  cancel_scheduled_function: () => "Cancelled a scheduled function",
  cancel_all_scheduled_functions: (m) => `Cancelled all scheduled calls${m.udf_path ? ` of ${String(m.udf_path)}` : ""}`,
  retry_scheduled_function: (m) => `Ran ${plainPath(String(m.udf_path))} again, which had failed`,
  delete_files: (m) => `Deleted ${count(list(m.storage_ids).length)} files`,
  generate_upload_url: () => "Made an upload URL",
  snapshot_import: () => "Imported data",
  request_backup: () => "Asked for a backup",
  download_backup: (m) => `Downloaded the backup ${String(m.name)}`,
  request_export: () => "Asked for an export",
};

export const describe = (event: DeploymentEvent) =>
  SENTENCES[event.action]?.(event.metadata ?? {}) ?? event.action.replaceAll("_", " ");

export function author(event: DeploymentEvent): string {
  if (event.author) return event.author;
  const member = event.member_id;
  if (member === null || member === undefined) return "system";
  return Number(member) === 0 ? "admin" : `member ${String(member)}`;
}

interface Diff {
  added?: Value[];
  removed?: Value[];
  changed?: Value[];
}

const nameOf = (value: Value) =>
  typeof value === "string" ? value : String((value as Metadata)?.path ?? (value as Metadata)?.name ?? JSON.stringify(value));

function Lines({ title, diff }: { title: string; diff: Diff | undefined }) {
  const kinds = (["added", "removed", "changed"] as const).flatMap((kind) => (diff?.[kind] ?? []).map((item) => [kind, nameOf(item)] as const));
  if (kinds.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul>
        {kinds.map(([kind, name], index) => (
          <li key={index}>
            <Badge kind={kind === "added" ? "ok" : kind === "removed" ? "error" : "info"}>{kind}</Badge> <code>{name}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}

const PARTS: [string, string][] = [
  ["moduleDiff", "Modules"],
  ["indexDiff", "Indexes"],
  ["cronDiff", "Cron jobs"],
];

/** What a push changed: modules, indexes, crons, and the rest as it was recorded. */
export function PushDiff({ metadata }: { metadata: Metadata }) {
  const components = Array.isArray(metadata.component_diffs) ? (metadata.component_diffs as Metadata[]) : [];
  const diffs = components.map((component) => (component.component_diff ?? {}) as Record<string, Value>);
  return (
    <div className="push-diff">
      <Lines title="Authentication" diff={metadata.auth_diff as Diff | undefined} />
      {diffs.map((diff, index) => (
        <div key={index}>
          {PARTS.map(([key, title]) => (
            <Lines key={key} title={title} diff={normalise(diff[key])} />
          ))}
          {diff.schemaDiff && <Tree name="schema" value={diff.schemaDiff} />}
        </div>
      ))}
      <Tree name="everything" value={metadata} />
    </div>
  );
}

/** Index diffs have names of their own for the same three kinds. */
function normalise(value: Value | undefined): Diff | undefined {
  if (!value || typeof value !== "object") return undefined;
  const diff = value as Record<string, Value>;
  const all = (...names: string[]) => names.flatMap((name) => (Array.isArray(diff[name]) ? (diff[name] as Value[]) : []));
  return { added: all("added", "added_indexes"), removed: all("removed", "removed_indexes"), changed: all("changed", "updated", "enabled_indexes", "disabled_indexes") };
}
