// The rows of a table as an ARIA grid: only those on the screen are in the document.

import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef, useState, type ClipboardEvent, type KeyboardEvent, type MouseEvent } from "react";
import { useNavigate } from "react-router";
import { ContextMenu } from "../../components/Menu";
import { useScope } from "../../lib/component";
import { isPlain, newClause, type Filters } from "../../lib/filters";
import { tableNumberOf } from "../../lib/ids";
import { messageOf } from "../../lib/live";
import type { Rows } from "../../lib/pages";
import type { Field } from "../../lib/schema";
import type { Row } from "../../lib/system";
import { copy, toast } from "../../lib/toasts";
import { formatValue } from "../../lib/values";
import type { Columns, Density } from "./columns";
import type { Editing } from "./edits";
import { GridHeader, selectAll } from "./GridHeader";
import { GridRow, type RowActions } from "./GridRow";
import { formatBlock, parseBlock, parseCell } from "./transfer";

const ROW_PX: Record<Density, number> = { compact: 25, normal: 32, comfortable: 44 };

export interface Place {
  row: number;
  column: number;
}

export interface GridProps {
  table: string;
  rows: Rows;
  columns: Columns;
  fields: Record<string, Field>;
  editing: Editing;
  mapping: Record<string, string>;
  selected: ReadonlyMap<string, Row>;
  setSelected: (next: ReadonlyMap<string, Row>) => void;
  filters: Filters;
  setFilters: (next: Filters) => void;
  canWrite: boolean;
  onOpen: (id: string) => void;
  onUndo: () => void;
  /** The field by which the rows are ordered. */
  sortedBy: string | null;
}

export function Grid(props: GridProps) {
  const { table, rows, columns, fields, editing, mapping, selected, setSelected, canWrite, onOpen } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const { to } = useScope();
  const [active, setActive] = useState<Place | null>(null);
  const [corner, setCorner] = useState<Place | null>(null);
  const [editor, setEditor] = useState<Place | null>(null);
  const lastChecked = useRef<number | null>(null);
  const leaves = columns.grid.getVisibleLeafColumns();
  const height = ROW_PX[columns.density];
  const virtual = useVirtualizer({
    count: rows.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
    getItemKey: (index) => rows.row(index)?._id ?? index,
  });
  useEffect(() => virtual.measure(), [virtual, height]);
  const items = virtual.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items[items.length - 1]?.index ?? 0];
  const { show } = rows;
  useEffect(() => show(first, last), [show, first, last, rows.count]);

  const write = useCallback(
    async (row: Row, name: string, text: string) => {
      await editing.patch([row], { [name]: parseCell(text, fields[name]) });
    },
    [editing, fields],
  );
  const toggle = (index: number, range: boolean) => {
    const next = new Map(selected);
    const from = range && lastChecked.current !== null ? Math.min(lastChecked.current, index) : index;
    const to = range && lastChecked.current !== null ? Math.max(lastChecked.current, index) : index;
    const on = !next.has(rows.row(index)?._id ?? "");
    for (let at = from; at <= to; at++) {
      const row = rows.row(at);
      if (row && on) next.set(row._id, row);
      else if (row) next.delete(row._id);
    }
    lastChecked.current = index;
    setSelected(next);
  };
  const keys = useGridKeys(props, { active, setActive, corner, setCorner, editor, setEditor, virtual, leaves, toggle });
  const gotoReference = (value: unknown) => {
    const number = tableNumberOf(value);
    const target = number === null ? undefined : mapping[String(number)];
    if (target === "_storage" || target === "_file_storage") void navigate(to(`/files?id=${String(value)}`));
    else if (target) void navigate(to(`/data?table=${encodeURIComponent(target)}&doc=${String(value)}`));
    else toast("That id belongs to no table here", "error");
  };
  const leave = () => {
    setEditor(null);
    scroller.current?.focus();
  };
  const actions = useRowActions({
    toggle,
    place: (row, column, extend) => {
      if (extend) return setCorner({ row, column });
      setActive({ row, column });
      setCorner(null);
    },
    edit: (row, column) => canWrite && editable(leaves[column]?.id) && setEditor({ row, column }),
    open: (at) => {
      const row = rows.row(at);
      if (row) onOpen(row._id);
    },
    reference: gotoReference,
    write: async (at, name, text) => {
      const row = rows.row(at);
      if (row) await write(row, name, text);
      leave();
    },
    cancel: leave,
  });

  return (
    <ContextMenu items={() => contextItems(props, active, leaves.map(({ id }) => id), { setEditor, gotoReference })}>
      <div
        ref={scroller}
        className="grid"
        role="grid"
        aria-label={`Documents of ${table}`}
        aria-rowcount={rows.done ? rows.count + 1 : -1}
        aria-colcount={leaves.length + 1}
        aria-multiselectable="true"
        tabIndex={0}
        data-testid="grid"
        aria-activedescendant={active ? `cell-${active.row}-${active.column}` : undefined}
        {...keys}
        onFocus={(event) => {
          if (event.target === scroller.current && !active && rows.count > 0) setActive({ row: first, column: 0 });
        }}
        onContextMenu={(event: MouseEvent) => {
          const place = placeOf(event.target);
          if (place) setActive(place);
        }}
      >
        <div className="grid-inner" style={{ width: columns.grid.getTotalSize() + 38 }}>
          <GridHeader {...{ columns, fields, rows, selected, setSelected }} sorted={{ by: props.sortedBy, order: props.filters.order }} />
          <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
            {items.map((item) => {
              const row = rows.row(item.index);
              return (
                <GridRow
                  key={item.key}
                  index={item.index}
                  top={item.start}
                  height={height}
                  row={row}
                  leaves={leaves}
                  fields={fields}
                  sizes={columns.grid.getState().columnSizing}
                  active={active?.row === item.index ? active.column : null}
                  marked={markedColumns(active, corner, item.index)}
                  editing={editor?.row === item.index ? editor.column : null}
                  selected={row !== undefined && selected.has(row._id)}
                  actions={actions}
                />
              );
            })}
          </div>
        </div>
      </div>
    </ContextMenu>
  );
}

/** The same functions as long as the grid is there, which do what these do now. */
function useRowActions(now: RowActions): RowActions {
  const latest = useRef(now);
  latest.current = now;
  return useMemo(
    () => ({
      toggle: (...it) => latest.current.toggle(...it),
      place: (...it) => latest.current.place(...it),
      edit: (...it) => latest.current.edit(...it),
      open: (...it) => latest.current.open(...it),
      reference: (...it) => latest.current.reference(...it),
      write: (...it) => latest.current.write(...it),
      cancel: () => latest.current.cancel(),
    }),
    [],
  );
}

export const editable = (name: string | undefined) => name !== undefined && !name.startsWith("_");

function placeOf(target: EventTarget): Place | null {
  const cell = (target as HTMLElement).closest<HTMLElement>("[data-row]");
  return cell ? { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } : null;
}

/** The columns of a row that lie in the marked block. */
function markedColumns(active: Place | null, corner: Place | null, row: number): [number, number] | null {
  if (!active || !corner) return null;
  if (row < Math.min(active.row, corner.row) || row > Math.max(active.row, corner.row)) return null;
  return [Math.min(active.column, corner.column), Math.max(active.column, corner.column)];
}

interface KeyState {
  active: Place | null;
  setActive: (place: Place | null) => void;
  corner: Place | null;
  setCorner: (place: Place | null) => void;
  editor: Place | null;
  setEditor: (place: Place | null) => void;
  virtual: { scrollToIndex: (index: number) => void };
  leaves: { id: string }[];
  toggle: (index: number, range: boolean) => void;
}

const STEPS: Record<string, [number, number]> = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  PageDown: [20, 0],
  PageUp: [-20, 0],
};
const ENDS: Record<string, [number, number]> = { Home: [0, -Infinity], End: [0, Infinity] };
const FAR: Record<string, [number, number]> = { Home: [-Infinity, -Infinity], End: [Infinity, Infinity] };

function useGridKeys({ rows, fields, editing, canWrite, selected, setSelected, onOpen, onUndo }: GridProps, state: KeyState) {
  const { active, setActive, corner, setCorner, editor, setEditor, virtual, leaves, toggle } = state;
  const move = (event: KeyboardEvent, [down, right]: [number, number]) => {
    event.preventDefault();
    const from = (event.shiftKey ? corner : null) ?? active ?? { row: 0, column: 0 };
    const row = Math.max(0, Math.min(rows.count - 1, from.row + down));
    const column = Math.max(0, Math.min(leaves.length - 1, from.column + right));
    if (event.shiftKey) setCorner({ row, column });
    else {
      setActive({ row, column });
      setCorner(null);
    }
    virtual.scrollToIndex(row);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (editor || (event.target as HTMLElement).tagName === "INPUT") return;
    const step = STEPS[event.key] ?? (event.ctrlKey ? FAR[event.key] : ENDS[event.key]);
    if (step) return move(event, step);
    if ((event.ctrlKey || event.metaKey) && event.key === "a") {
      event.preventDefault();
      return selectAll(rows, selected, setSelected);
    }
    if (!active) return;
    if (event.key === "Enter" || event.key === "F2") {
      event.preventDefault();
      const row = rows.row(active.row);
      if (canWrite && editable(leaves[active.column]?.id)) setEditor(active);
      else if (row) onOpen(row._id);
    } else if (event.key === " ") {
      event.preventDefault();
      toggle(active.row, event.shiftKey);
    } else if (event.key === "Escape") {
      setCorner(null);
    } else if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      onUndo();
    }
  };
  const block = () => {
    const end = corner ?? active!;
    const [top, bottom] = [Math.min(active!.row, end.row), Math.max(active!.row, end.row)];
    const [left, right] = [Math.min(active!.column, end.column), Math.max(active!.column, end.column)];
    return { top, bottom, left, right };
  };
  const onCopy = (event: ClipboardEvent) => {
    if (!active || editor) return;
    event.preventDefault();
    const { top, bottom, left, right } = block();
    const cells: string[][] = [];
    for (let row = top; row <= bottom; row++) {
      const names = leaves.slice(left, right + 1).map(({ id }) => id);
      cells.push(names.map((name) => cellText(rows.row(row)?.[name])));
    }
    event.clipboardData.setData("text/plain", cells.length === 1 && cells[0]!.length === 1 ? cells[0]![0]! : formatBlock(cells));
    toast(`Copied ${cells.length * cells[0]!.length === 1 ? "a cell" : `${cells.length} × ${cells[0]!.length} cells`}`);
  };
  const onPaste = (event: ClipboardEvent) => {
    if (!active || editor || !canWrite) return;
    event.preventDefault();
    const cells = parseBlock(event.clipboardData.getData("text/plain"));
    void pasteBlock(cells, active, { rows, fields, editing, leaves });
  };
  return { onKeyDown, onCopy, onPaste };
}

const cellText = (value: Row[string] | undefined) =>
  value === undefined ? "" : typeof value === "string" ? value : formatValue(value);

interface PasteTarget {
  rows: Rows;
  fields: Record<string, Field>;
  editing: Editing;
  leaves: { id: string }[];
}

async function pasteBlock(cells: string[][], at: Place, { rows, fields, editing, leaves }: PasteTarget) {
  let written = 0;
  try {
    for (const [down, line] of cells.entries()) {
      const row = rows.row(at.row + down);
      if (!row) break;
      const entries = line.flatMap((text, right) => {
        const name = leaves[at.column + right]?.id;
        return name && editable(name) ? [[name, parseCell(text, fields[name])] as const] : [];
      });
      await editing.patch([row], Object.fromEntries(entries));
      written += entries.length;
    }
    toast(`Pasted ${written} ${written === 1 ? "cell" : "cells"}`);
  } catch (error) {
    toast(`${written > 0 ? `${written} cells were pasted, then: ` : ""}${messageOf(error)}`, "error");
  }
}

interface ContextTools {
  setEditor: (place: Place) => void;
  gotoReference: (value: unknown) => void;
}

function contextItems(props: GridProps, active: Place | null, names: string[], tools: ContextTools) {
  const row = active ? props.rows.row(active.row) : undefined;
  const name = active ? names[active.column] : undefined;
  if (!active || !row || !name) return [];
  const value = row[name];
  const { filters, setFilters, columns } = props;
  return [
    { label: "Copy value", run: () => void copy(cellText(value)) },
    { label: "Copy document", run: () => void copy(formatValue(row, 2)) },
    "line" as const,
    ...(tableNumberOf(value) !== null && name !== "_id"
      ? [{ label: "Go to document", run: () => tools.gotoReference(value), testId: "goto-reference" }]
      : []),
    { label: "Open document", run: () => props.onOpen(row._id), testId: "open-document" },
    {
      label: `Filter by ${name} = ${formatValue(value).slice(0, 24)}`,
      run: () =>
        setFilters({
          ...filters,
          clauses: [...filters.clauses, value === undefined ? newClause(name, "type", "unset") : newClause(name, "eq", value)],
        }),
    },
    ...(isPlain(filters) ? [] : [{ label: "Remove all filters", run: () => setFilters({ clauses: [], order: "desc" }) }]),
    "line" as const,
    ...(editable(name) && props.canWrite ? [{ label: "Edit", hint: "Enter", run: () => tools.setEditor(active) }] : []),
    ...(name === "_id" ? [] : [{ label: `Hide ${name}`, run: () => columns.grid.getColumn(name)?.toggleVisibility(false) }]),
  ];
}
