// One table: toolbar, filters, grid, and what can be done with the selected rows.

import { useCallback, useMemo, useState } from "react";
import { Button, Confirm, Empty, Loading, Problem } from "../../components/ui";
import { useLiveHere, useScope } from "../../lib/component";
import { useDeployment } from "../../lib/deployment";
import { encodeFilters, isPlain, NO_FILTERS, type Filters } from "../../lib/filters";
import { count } from "../../lib/format";
import { useIndexes, type FilledIndex } from "../../lib/indexes";
import { messageOf } from "../../lib/live";
import { useRows } from "../../lib/pages";
import { fieldsOf, type SchemaDefinition } from "../../lib/schema";
import { system, type Row } from "../../lib/system";
import { toast } from "../../lib/toasts";
import { undoLast } from "../../lib/undo";
import { deploymentType } from "../../session";
import { AddDocuments } from "./AddDocuments";
import { BulkEdit } from "./BulkEdit";
import { useColumns } from "./columns";
import { DocumentDrawer } from "./DocumentDrawer";
import { useEditing } from "./edits";
import { FilterBar } from "./FilterBar";
import { Grid } from "./Grid";
import { Toolbar } from "./Toolbar";

export interface TableViewProps {
  table: string;
  mapping: Record<string, string>;
  schema: SchemaDefinition | null;
  filters: Filters;
  setFilters: (next: Filters) => void;
  document: string | null;
  openDocument: (id: string | null) => void;
}

type Open = "add" | "edit" | "delete" | "clear" | null;

export function TableView({ table, mapping, schema, filters, setFilters, document, openDocument }: TableViewProps) {
  const { can } = useDeployment();
  const { id, unmounted } = useScope();
  const canWrite = can("WriteData") && !unmounted;
  const rows = useRows(table, encodeFilters(filters));
  const indexes = useIndexes(table) ?? [];
  const size = useLiveHere(system.size, { tableName: table }).data;
  const declared = schema?.tables.find(({ tableName }) => tableName === table);
  const fields = useMemo(() => fieldsOf(declared?.documentType), [declared]);
  const seen = useSeenFields(rows.count, rows.row);
  const columns = useColumns(id === null ? table : `${id} ${table}`, declared, seen);
  const editing = useEditing(table);
  const [selected, setSelected] = useState<ReadonlyMap<string, Row>>(new Map());
  const [open, setOpen] = useState<Open>(null);
  const chosen = [...selected.values()];
  const close = () => setOpen(null);
  const names = columns.grid.getAllLeafColumns().map(({ id }) => id);

  return (
    <section className="table-view" aria-label={table}>
      <Toolbar
        {...{ table, columns, filters, setFilters, indexes, size, editing, canWrite }}
        inSchema={declared !== undefined}
        onAdd={() => setOpen("add")}
        onClear={() => setOpen("clear")}
      />
      <FilterBar {...{ table, filters, setFilters, indexes, fields, names }} failed={rows.filterError} />
      {rows.error ? (
        <Problem error={rows.error} />
      ) : rows.loading ? (
        <Loading rows={10} />
      ) : rows.count === 0 && rows.done ? (
        <NoRows plain={isPlain(filters)} onAdd={() => setOpen("add")} onReset={() => setFilters(NO_FILTERS)} />
      ) : (
        <Grid
          {...{ table, rows, columns, fields, editing, mapping, selected, setSelected, filters, setFilters }}
          canWrite={canWrite}
          sortedBy={sortField(filters, indexes)}
          onOpen={openDocument}
          onUndo={undo}
        />
      )}
      {chosen.length > 0 && (
        <div className="selection-bar" role="toolbar" aria-label="Selected rows" data-testid="selection-bar">
          <strong>{count(chosen.length)} selected</strong>
          <Button needs="WriteData" onClick={() => setOpen("edit")} data-testid="bulk-edit">
            Edit
          </Button>
          <Button needs="WriteData" look="danger" onClick={() => setOpen("delete")} data-testid="bulk-delete">
            Delete
          </Button>
          <Button look="quiet" onClick={() => setSelected(new Map())}>
            Clear selection
          </Button>
        </div>
      )}
      {open === "add" && <AddDocuments {...{ table, fields, editing }} onClose={close} />}
      {open === "edit" && <BulkEdit {...{ table, editing, fields }} rows={chosen} onUndo={undo} onClose={close} />}
      {open === "delete" && (
        <Confirm
          title={`Delete ${count(chosen.length)} ${chosen.length === 1 ? "document" : "documents"}?`}
          button="Delete"
          onClose={close}
          run={async () => {
            await editing.remove(chosen);
            toast(`Deleted ${count(chosen.length)} from ${table}`, "done", { label: "Undo", run: () => void undo() });
            setSelected(new Map());
          }}
        >
          <p>For half an hour, “Undo” in this tab brings them back under their ids.</p>
        </Confirm>
      )}
      {open === "clear" && <ClearTable {...{ table, editing, size }} onClose={close} />}
      {document && (
        <DocumentDrawer key={document} id={document} {...{ table, mapping, schema, editing }} onClose={() => openDocument(null)} />
      )}
    </section>
  );
}

/** By which field an index orders first; without one, rows come as they were made. */
function sortField(filters: Filters, indexes: FilledIndex[]): string | null {
  if (!filters.index) return "_creationTime";
  const fields = indexes.find(({ name }) => name === filters.index?.name)?.fields;
  return Array.isArray(fields) ? (fields[0] ?? null) : null;
}

export async function undo() {
  try {
    const text = await undoLast();
    toast(text ? `Taken back: ${text}` : "Nothing to take back");
  } catch (error) {
    toast(`Could not be taken back: ${messageOf(error)}`, "error");
  }
}

/** Names of fields in the first rows that are loaded; grows as one scrolls, and never shrinks. */
function useSeenFields(rows: number, row: (index: number) => Row | undefined): string[] {
  const [known, setKnown] = useState<string[]>([]);
  const found = new Set(known);
  for (let index = 0; index < Math.min(rows, 500); index++) {
    const one = row(index);
    if (one) for (const name of Object.keys(one)) found.add(name);
  }
  if (found.size > known.length) setKnown([...found]);
  return known;
}

function NoRows({ plain, onAdd, onReset }: { plain: boolean; onAdd: () => void; onReset: () => void }) {
  return plain ? (
    <Empty title="This table is empty">
      <Button needs="WriteData" onClick={onAdd}>
        Add documents
      </Button>
    </Empty>
  ) : (
    <Empty title="No document matches">
      <Button onClick={onReset}>Remove all filters</Button>
    </Empty>
  );
}

interface ClearProps {
  table: string;
  size: number | undefined;
  editing: ReturnType<typeof useEditing>;
  onClose: () => void;
}

function ClearTable({ table, size, editing, onClose }: ClearProps) {
  const { session } = useDeployment();
  const [deleted, setDeleted] = useState<number | null>(null);
  const clear = useCallback(async () => {
    setDeleted(0);
    await editing.clear(setDeleted);
    toast(`Cleared ${table}`);
  }, [editing, table]);
  return (
    <Confirm
      title={`Clear ${table}?`}
      type={deploymentType(session.key) === "prod" ? table : undefined}
      button="Delete all documents"
      run={clear}
      onClose={onClose}
    >
      <p>{size === undefined ? "All documents" : `All ${count(size)} documents`} of this table are deleted. The table stays.</p>
      {deleted !== null && (
        <div role="status" data-testid="clear-progress">
          <progress value={deleted} max={Math.max(size ?? 0, deleted, 1)} /> {count(deleted)} deleted
        </div>
      )}
    </Confirm>
  );
}
