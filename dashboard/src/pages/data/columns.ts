// The columns of a grid: fields of the schema and of the rows that are there; width, order and
// visibility are remembered in this browser.

import { getCoreRowModel, useReactTable, type ColumnDef, type ColumnSizingState, type VisibilityState } from "@tanstack/react-table";
import { useEffect, useMemo, useState } from "react";
import { fieldsOf, type Field, type TableSchema } from "../../lib/schema";
import type { Row } from "../../lib/system";

export interface Column {
  name: string;
  field: Field | undefined;
}

interface Remembered {
  sizing: ColumnSizingState;
  hidden: VisibilityState;
  order: string[];
  density: Density;
}

/** How high rows are. */
export const DENSITIES = ["compact", "normal", "comfortable"] as const;
export type Density = (typeof DENSITIES)[number];

const NOTHING: Remembered = { sizing: {}, hidden: {}, order: [], density: "normal" };
const NO_ROWS: Row[] = [];
const ID_WIDTH = 168;
const WIDTH = 190;

const storageKey = (table: string) => `lentil-columns-${table}`;

function recall(table: string): Remembered {
  try {
    const kept = JSON.parse(localStorage.getItem(storageKey(table)) ?? "{}") as Partial<Remembered>;
    return { ...NOTHING, ...kept, density: DENSITIES.find((one) => one === kept.density) ?? NOTHING.density };
  } catch {
    return NOTHING;
  }
}

/** `_id`, then the fields in the order of the schema, then what only rows have, then `_creationTime`. */
export function columnNames(schema: TableSchema | undefined, seen: string[]): string[] {
  const declared = Object.keys(fieldsOf(schema?.documentType));
  const rest = seen.filter((name) => !name.startsWith("_") && !declared.includes(name)).sort((a, b) => a.localeCompare(b));
  return ["_id", ...declared, ...rest, "_creationTime"];
}

/** `table` with its component: what was chosen of columns is remembered for each. */
export function useColumns(table: string, schema: TableSchema | undefined, seen: string[]) {
  const [state, setState] = useState(() => recall(table));
  useEffect(() => {
    localStorage.setItem(storageKey(table), JSON.stringify(state));
  }, [table, state]);
  const names = useMemo(() => columnNames(schema, seen), [schema, seen]);
  const columns = useMemo((): ColumnDef<Row>[] => {
    return names.map((name) => ({ id: name, accessorFn: (row) => row[name], size: name === "_id" ? ID_WIDTH : WIDTH, minSize: 60 }));
  }, [names]);
  const grid = useReactTable({
    data: NO_ROWS,
    columns,
    getCoreRowModel: getCoreRowModel(),
    columnResizeMode: "onChange",
    state: { columnSizing: state.sizing, columnVisibility: state.hidden, columnOrder: order(state.order, names) },
    onColumnSizingChange: (change) =>
      setState((old) => ({ ...old, sizing: typeof change === "function" ? change(old.sizing) : change })),
    onColumnVisibilityChange: (change) =>
      setState((old) => ({ ...old, hidden: typeof change === "function" ? change(old.hidden) : change })),
  });
  const move = (name: string, before: string) =>
    setState((old) => {
      const list = order(old.order, names).filter((other) => other !== name);
      list.splice(list.indexOf(before), 0, name);
      return { ...old, order: list };
    });
  return {
    grid,
    move,
    density: state.density,
    setDensity: (density: Density) => setState((old) => ({ ...old, density })),
    reset: () => setState(NOTHING),
  };
}

/** The remembered order, with columns it does not know where they would be otherwise. */
function order(remembered: string[], names: string[]): string[] {
  const known = remembered.filter((name) => names.includes(name));
  if (known.length === 0) return names;
  const missing = names.filter((name) => !known.includes(name));
  return ["_id", ...known.filter((name) => name !== "_id"), ...missing.filter((name) => name !== "_id")];
}

export type Columns = ReturnType<typeof useColumns>;
