// The first row of the grid: names and types, widths by dragging, order by dragging.

import { useState } from "react";
import type { Rows } from "../../lib/pages";
import { typeText, type Field } from "../../lib/schema";
import type { Row } from "../../lib/system";
import type { Columns } from "./columns";

interface Props {
  columns: Columns;
  fields: Record<string, Field>;
  rows: Rows;
  selected: ReadonlyMap<string, Row>;
  setSelected: (next: ReadonlyMap<string, Row>) => void;
  sorted: { by: string | null; order: "asc" | "desc" };
}

const isAll = (rows: Rows, selected: ReadonlyMap<string, Row>) => selected.size > 0 && selected.size >= rows.count;

/** Selects all rows that are loaded, or none if they are. */
export function selectAll(rows: Rows, selected: ReadonlyMap<string, Row>, setSelected: (next: ReadonlyMap<string, Row>) => void) {
  const next = new Map<string, Row>();
  for (let index = 0; !isAll(rows, selected) && index < rows.count; index++) {
    const row = rows.row(index);
    if (row) next.set(row._id, row);
  }
  setSelected(next);
}

export function GridHeader({ columns, fields, rows, selected, setSelected, sorted }: Props) {
  const [dragged, setDragged] = useState<string | null>(null);
  const headers = columns.grid.getHeaderGroups()[0]?.headers ?? [];
  return (
    <div className="grid-head" role="row" aria-rowindex={1}>
      <label className="grid-check" role="columnheader">
        <input type="checkbox" tabIndex={-1} checked={isAll(rows, selected)} onChange={() => selectAll(rows, selected, setSelected)} aria-label="Select all loaded rows (Ctrl A in the grid)" data-testid="select-all" />
      </label>
      {headers.map((header) => {
        const field = fields[header.id];
        return (
          <div
            key={header.id}
            role="columnheader"
            aria-sort={header.id !== sorted.by ? undefined : sorted.order === "asc" ? "ascending" : "descending"}
            className={`grid-name ${header.id === "_id" ? "sticky" : ""}`}
            style={{ width: header.getSize() }}
            draggable={header.id !== "_id"}
            onDragStart={() => setDragged(header.id)}
            onDragOver={(event) => dragged && event.preventDefault()}
            onDrop={() => {
              if (dragged && dragged !== header.id && header.id !== "_id") columns.move(dragged, header.id);
              setDragged(null);
            }}
            title={field ? `${header.id}: ${typeText(field.fieldType)}${field.optional ? " (optional)" : ""}` : header.id}
          >
            <span>{header.id}</span>
            {field && (
              <small>
                {typeText(field.fieldType)}
                {field.optional ? "?" : ""}
              </small>
            )}
            <i
              className="grid-resize"
              onMouseDown={(event) => {
                event.preventDefault();
                header.getResizeHandler()(event);
              }}
              onTouchStart={header.getResizeHandler()}
              aria-hidden="true"
            />
          </div>
        );
      })}
    </div>
  );
}
