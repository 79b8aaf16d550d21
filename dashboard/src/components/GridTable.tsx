// A table that is walked with the arrow keys: Tab leads to it and past it.

import { useEffect, useRef, type TableHTMLAttributes } from "react";
import { GridKeys } from "../lib/gridKeys";

interface Props extends TableHTMLAttributes<HTMLTableElement> {
  /** Rows there are, without the heading, if not all are shown; -1 if nobody knows. */
  rowCount?: number;
}

export function GridTable({ rowCount, ...rest }: Props) {
  const table = useRef<HTMLTableElement>(null);
  const keys = useRef<GridKeys | null>(null);
  const count = rowCount === undefined ? null : rowCount < 0 ? -1 : rowCount + 1;
  const latest = useRef(count);
  latest.current = count;
  useEffect(() => {
    const grid = new GridKeys(table.current!, latest.current);
    keys.current = grid;
    return () => grid.end();
  }, []);
  useEffect(() => keys.current?.of(count), [count]);
  return <table ref={table} role="grid" {...rest} />;
}
