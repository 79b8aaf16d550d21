// Above the grid: order and index, columns, export, add, and what concerns the whole table.

import { Columns3, Download, MoreHorizontal, Plus, Undo2 } from "lucide-react";
import { useState } from "react";
import { useConvex } from "convex/react";
import { Menu } from "../../components/Menu";
import { Badge, Button, Confirm, IconButton } from "../../components/ui";
import { addressIn, useScope } from "../../lib/component";
import { useDeployment } from "../../lib/deployment";
import { encodeFilters, isSearch, usedIndex, type Filters } from "../../lib/filters";
import { count } from "../../lib/format";
import type { FilledIndex } from "../../lib/indexes";
import { messageOf } from "../../lib/live";
import { toast } from "../../lib/toasts";
import { useEdits } from "../../lib/undo";
import { deploymentType } from "../../session";
import { DENSITIES, type Columns } from "./columns";
import type { Editing } from "./edits";
import { exportRows, type Format } from "./transfer";
import { undo } from "./TableView";

interface Props {
  table: string;
  inSchema: boolean;
  columns: Columns;
  filters: Filters;
  setFilters: (next: Filters) => void;
  indexes: FilledIndex[];
  size: number | undefined;
  editing: Editing;
  canWrite: boolean;
  onAdd: () => void;
  onClear: () => void;
}

export function Toolbar({ table, inSchema, columns, filters, setFilters, indexes, size, canWrite, onAdd, onClear }: Props) {
  const edits = useEdits();
  const { path } = useScope();
  const [deleting, setDeleting] = useState(false);
  return (
    <header className="toolbar">
      <h1>{table}</h1>
      {path && <Badge title="Its component">{path}</Badge>}
      {size !== undefined && (
        <span className="muted" data-testid="row-count" data-count={size}>
          {count(size)} {size === 1 ? "document" : "documents"}
        </span>
      )}
      <UsedIndex filters={filters} size={size} />
      <span className="grow" />
      <IndexPicker {...{ filters, setFilters, indexes }} />
      <button
        type="button"
        className="button plain"
        data-testid="order"
        onClick={() => setFilters({ ...filters, order: filters.order === "asc" ? "desc" : "asc" })}
        disabled={filters.index !== undefined && isSearch(filters.index)}
        title="Order of the index"
      >
        {filters.order === "asc" ? "↑ ascending" : "↓ descending"}
      </button>
      <Menu
        trigger={
          <button type="button" className="icon-button" aria-label="Columns and density" title="Columns and density" data-testid="columns-menu">
            <Columns3 size={17} />
          </button>
        }
        items={[
          ...columns.grid
            .getAllLeafColumns()
            .filter(({ id }) => id !== "_id")
            .map((column) => ({
              label: column.id,
              checked: column.getIsVisible(),
              run: () => column.toggleVisibility(),
            })),
          "line" as const,
          ...DENSITIES.map((density) => ({
            label: `${density[0]!.toUpperCase()}${density.slice(1)} rows`,
            checked: columns.density === density,
            run: () => columns.setDensity(density),
            testId: `density-${density}`,
          })),
          "line" as const,
          { label: "Reset columns", run: columns.reset },
        ]}
      />
      <ExportMenu table={table} filters={filters} />
      {edits.length > 0 && (
        <IconButton label={`Take back: ${edits[edits.length - 1]!.text}`} onClick={() => void undo()} data-testid="undo">
          <Undo2 size={17} />
        </IconButton>
      )}
      <Button look="primary" needs="WriteData" disabled={!canWrite} icon={<Plus size={15} />} onClick={onAdd} data-testid="add-documents">
        Add
      </Button>
      <Menu
        trigger={
          <button type="button" className="icon-button" aria-label="More" data-testid="table-menu">
            <MoreHorizontal size={17} />
          </button>
        }
        items={[
          { label: "Clear table…", run: onClear, danger: true, disabled: !canWrite, testId: "clear-table" },
          {
            label: inSchema ? "Delete table (it is in the schema: remove it there first)" : "Delete table…",
            run: () => setDeleting(true),
            danger: true,
            disabled: inSchema || !canWrite,
            testId: "delete-table",
          },
        ]}
      />
      {deleting && <DeleteTable table={table} onClose={() => setDeleting(false)} />}
    </header>
  );
}

function UsedIndex({ filters, size }: { filters: Filters; size: number | undefined }) {
  const used = usedIndex(filters);
  const filtering = filters.clauses.some((clause) => clause.enabled);
  if (!used && !filtering) return null;
  const scan = `full scan${size === undefined ? "" : `, ~${count(size)} rows`}`;
  return (
    <span
      className={`badge ${used ? "ok" : "warn"}`}
      data-testid="index-badge"
      title={used ? "The index this request reads" : "Filters without an index look at every row"}
    >
      {used ?? scan}
    </span>
  );
}

function IndexPicker({ filters, setFilters, indexes }: Pick<Props, "filters" | "setFilters" | "indexes">) {
  // Search and vector indexes order nothing: there is no grid to show of them.
  // One that is not ready is listed and cannot be chosen.
  const usable = indexes.filter((index) => Array.isArray(index.fields));
  if (usable.length === 0) return null;
  const choose = (name: string) => {
    const index = usable.find((one) => one.name === name);
    if (!index) return setFilters({ clauses: filters.clauses, order: filters.order });
    setFilters({ ...filters, index: { name, clauses: [] } });
  };
  return (
    <select
      aria-label="Index"
      value={filters.index?.name ?? ""}
      onChange={(event) => choose(event.target.value)}
      data-testid="index-picker"
    >
      <option value="">by creation time</option>
      {usable.map((index, at) => (
        <option key={`${index.name} ${at}`} value={index.name} disabled={index.filling.state !== "ready"}>
          {index.name} ({(index.fields as string[]).join(", ")}){index.filling.state === "ready" ? "" : " – not ready"}
        </option>
      ))}
    </select>
  );
}

function ExportMenu({ table, filters }: { table: string; filters: Filters }) {
  const client = useConvex();
  const { args } = useScope();
  const run = async (format: Format) => {
    try {
      const rows = await exportRows(client, { ...args, table, filters: encodeFilters(filters) }, format);
      toast(`Exported ${count(rows)} documents`);
    } catch (error) {
      toast(messageOf(error), "error");
    }
  };
  return (
    <Menu
      trigger={
        <button type="button" className="icon-button" aria-label="Export what is shown" title="Export" data-testid="export">
          <Download size={17} />
        </button>
      }
      items={(["jsonl", "json", "csv"] as const).map((format) => ({
        label: `Export as ${format.toUpperCase()}`,
        run: () => void run(format),
        testId: `export-${format}`,
      }))}
    />
  );
}

function DeleteTable({ table, onClose }: { table: string; onClose: () => void }) {
  const { http, session } = useDeployment();
  const { id } = useScope();
  return (
    <Confirm
      title={`Delete ${table}?`}
      type={deploymentType(session.key) === "prod" ? table : undefined}
      button="Delete table"
      onClose={onClose}
      run={async () => {
        await http.post("/api/delete_tables", { tableNames: [table], componentId: id });
        toast(`Deleted ${table}`);
        window.history.replaceState(null, "", addressIn(id, window.location.pathname));
        window.dispatchEvent(new PopStateEvent("popstate"));
      }}
    >
      <p>The table and all of its documents are deleted.</p>
    </Confirm>
  );
}
