// A row of the grid and its cells; a row that somebody changes lights up for a moment.

import { Maximize2 } from "lucide-react";
import type { Value } from "convex/values";
import { memo, useEffect, useRef, useState } from "react";
import { dateTime } from "../../lib/format";
import { tableNumberOf } from "../../lib/ids";
import type { Field } from "../../lib/schema";
import type { Row } from "../../lib/system";
import { formatValue, typeName } from "../../lib/values";
import { CellEditor } from "./CellEditor";

const FLASH_MS = 1_500;
const SHOWN_CHARACTERS = 240;

interface Leaf {
  id: string;
  getSize: () => number;
}

/** What a row asks for, by its number: the same functions for all rows and as long as the grid is there. */
export interface RowActions {
  toggle: (row: number, range: boolean) => void;
  place: (row: number, column: number, extend: boolean) => void;
  edit: (row: number, column: number) => void;
  open: (row: number) => void;
  reference: (value: unknown) => void;
  write: (row: number, name: string, text: string) => Promise<void>;
  cancel: () => void;
}

interface Props {
  index: number;
  top: number;
  height: number;
  row: Row | undefined;
  leaves: Leaf[];
  fields: Record<string, Field>;
  /** Only so that a row is drawn again when a width changes. */
  sizes: unknown;
  active: number | null;
  marked: [number, number] | null;
  editing: number | null;
  selected: boolean;
  actions: RowActions;
}

/** While the grid is scrolled, only rows that are new are drawn. */
export const GridRow = memo(function GridRow(props: Props) {
  const { index, top, height, row, leaves, selected, marked } = props;
  const flash = useFlash(row);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={`grid-row ${selected ? "selected" : ""} ${flash ? "row-flash" : ""}`}
      style={{ height, transform: `translateY(${top}px)` }}
      data-testid="grid-row"
      data-id={row?._id}
      data-flash={flash}
    >
      <label className="grid-check" role="gridcell">
        <input
          type="checkbox"
          tabIndex={-1}
          checked={selected}
          aria-label={`Select row ${index + 1}`}
          onChange={() => undefined}
          onClick={(event) => props.actions.toggle(index, event.shiftKey)}
        />
      </label>
      {leaves.map((leaf, column) => (
        <Cell
          key={leaf.id}
          {...props}
          name={leaf.id}
          width={leaf.getSize()}
          column={column}
          inBlock={marked !== null && column >= marked[0] && column <= marked[1]}
        />
      ))}
    </div>
  );
});

/** True for a moment after the row has become another one. */
function useFlash(row: Row | undefined): boolean {
  const text = row ? formatValue(row) : null;
  const before = useRef(text);
  const [flash, setFlash] = useState(false);
  useEffect(() => {
    const changed = before.current !== null && text !== null && before.current !== text;
    before.current = text;
    if (!changed) return;
    setFlash(true);
    const timer = window.setTimeout(() => setFlash(false), FLASH_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return flash;
}

interface CellProps extends Props {
  name: string;
  width: number;
  column: number;
  inBlock: boolean;
}

function Cell(props: CellProps) {
  const { index, row, name, width, column, active, editing, inBlock, actions } = props;
  const value = row?.[name];
  const reference = name !== "_id" && tableNumberOf(value) !== null;
  const isActive = active === column;
  return (
    <div
      role="gridcell"
      id={`cell-${index}-${column}`}
      className={`grid-cell t-${reference ? "id" : typeName(value)} ${isActive ? "active" : ""} ${inBlock ? "marked" : ""} ${name === "_id" ? "sticky" : ""}`}
      style={{ width }}
      data-row={index}
      data-column={column}
      data-field={name}
      onMouseDown={(event) => event.button === 0 && actions.place(index, column, event.shiftKey)}
      onDoubleClick={() => (name.startsWith("_") ? actions.open(index) : actions.edit(index, column))}
    >
      {editing === column && row ? (
        <CellEditor
          value={value}
          field={props.fields[name]}
          onWrite={(text) => actions.write(index, name, text)}
          onCancel={actions.cancel}
        />
      ) : (
        <>
          <span className="cell-text">{row ? cellText(name, value) : "…"}</span>
          {name === "_id" && row && (
            <button type="button" tabIndex={-1} className="cell-button" aria-label="Open document" title="Open document" onClick={() => actions.open(index)}>
              <Maximize2 size={12} />
            </button>
          )}
          {reference && (
            <button
              type="button"
              tabIndex={-1}
              className="cell-button"
              aria-label="Go to document"
              title="Go to document"
              data-testid="follow"
              onClick={() => actions.reference(value)}
            >
              ↗
            </button>
          )}
        </>
      )}
    </div>
  );
}

function cellText(name: string, value: Value | undefined): string {
  if (value === undefined) return "unset";
  if (name === "_creationTime" && typeof value === "number") return dateTime(value);
  const text = typeof value === "string" ? value : formatValue(value);
  return text.slice(0, SHOWN_CHARACTERS);
}
