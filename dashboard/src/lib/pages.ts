// The rows of a table, page by page. Only the pages around what is on the screen are subscribed;
// pages further away keep their place by their number of rows, so that a long table costs the
// server (and the tab) as little as a short one.

import type { DefaultFunctionArgs } from "convex/server";
import { useQueries } from "convex/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useScope } from "./component";
import { system, type FilterError, type Page, type Row } from "./system";

export const PAGE_ROWS = 100;
/** Live pages on each side of the visible ones. */
const MARGIN = 1;
/** Rows of pages that are not live are kept this far, so that scrolling back shows them at once. */
const KEPT_PAGES = 40;

interface Slot {
  cursor: string | null;
  /** Where the page ends and the next one begins; null when it is the last. */
  end: string | null;
  rows: Row[] | null;
  count: number;
  done: boolean;
}

export interface Rows {
  count: number;
  row: (index: number) => Row | undefined;
  done: boolean;
  loading: boolean;
  error: Error | undefined;
  filterError: FilterError | undefined;
  /** Says which rows are on the screen. */
  show: (first: number, last: number) => void;
}

const firstSlot = (): Slot[] => [{ cursor: null, end: null, rows: null, count: 0, done: false }];

export function useRows(table: string, filters: string | null): Rows {
  const { args, id } = useScope();
  const key = `${id ?? ""}\n${table}\n${filters ?? ""}`;
  const slots = useRef<Slot[]>(firstSlot());
  const ofKey = useRef(key);
  const [range, setRange] = useState<[number, number]>([0, 0]);
  const [, redraw] = useState(0);
  if (ofKey.current !== key) {
    ofKey.current = key;
    slots.current = firstSlot();
    if (range[1] !== 0) setRange([0, 0]);
  }

  const from = Math.max(0, Math.min(range[0], slots.current.length - 1) - MARGIN);
  const to = reach(slots.current, range[1]);
  const wanted = slots.current.slice(from, to + 1).map(({ cursor }) => cursor);
  const wantedKey = JSON.stringify(wanted);
  const queries = useMemo(
    () => queriesOf({ ...args, table, filters }, from, wanted),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [key, from, wantedKey],
  );
  const results = useQueries(queries);

  const { error, filterError } = take(slots.current, results);
  const last = slots.current[slots.current.length - 1]!;
  const wantsMore = to === slots.current.length - 1 && last.rows !== null && !last.done;
  useEffect(() => {
    forget(slots.current, range);
    if (wantsMore && last.end) {
      slots.current.push({ cursor: last.end, end: null, rows: null, count: 0, done: false });
      redraw((n) => n + 1);
    }
  });

  const row = useCallback((index: number) => {
    let at = index;
    for (const slot of slots.current) {
      if (at < slot.count) return slot.rows?.[at];
      at -= slot.count;
    }
    return undefined;
  }, []);
  const show = useCallback((first: number, end: number) => {
    const pages: [number, number] = [slotOf(slots.current, first), slotOf(slots.current, end)];
    setRange((old) => (old[0] === pages[0] && old[1] === pages[1] ? old : pages));
  }, []);
  return {
    count: slots.current.reduce((sum, slot) => sum + slot.count, 0),
    row,
    done: last.done,
    loading: slots.current[0]!.rows === null && !error && !filterError,
    error,
    filterError,
    show,
  };
}

/** The last page to subscribe to: filters make short pages, so rows are counted and not pages. */
function reach(slots: Slot[], visible: number): number {
  let at = Math.min(visible, slots.length - 1);
  for (let rows = 0; at < slots.length - 1 && rows < PAGE_ROWS * MARGIN; at++) rows += slots[at + 1]!.count;
  return at;
}

function queriesOf(of: DefaultFunctionArgs, from: number, wanted: (string | null)[]) {
  const entries = wanted.map((cursor, index) => {
    const paginationOpts = { numItems: PAGE_ROWS, cursor };
    return [String(from + index), { query: system.documents, args: { ...of, paginationOpts } }];
  });
  return Object.fromEntries(entries) as Record<string, { query: typeof system.documents; args: never }>;
}

/** Puts the answers into their slots. */
function take(slots: Slot[], results: Record<string, unknown>) {
  let error: Error | undefined;
  let filterError: FilterError | undefined;
  for (const [index, result] of Object.entries(results)) {
    const slot = slots[Number(index)];
    if (!slot || result === undefined) continue;
    if (result instanceof Error) {
      error ??= result;
      continue;
    }
    const { page, isDone, continueCursor } = result as Page<Row | FilterError>;
    const failed = page.find((row): row is FilterError => "error" in row && !("_id" in row));
    if (failed) {
      filterError = failed;
      continue;
    }
    slot.rows = page as Row[];
    slot.count = page.length;
    const end = isDone ? null : continueCursor;
    // While a page is subscribed the server keeps its end; one that was let go and is asked for
    // again may end elsewhere, and then the pages behind it begin elsewhere.
    if (slot.end !== end && slots.length > Number(index) + 1) slots.length = Number(index) + 1;
    slot.end = end;
    slot.done = isDone;
  }
  return { error, filterError };
}

function slotOf(slots: Slot[], row: number): number {
  let at = row;
  for (const [index, slot] of slots.entries()) {
    if (at < slot.count) return index;
    at -= slot.count;
  }
  return slots.length - 1;
}

function forget(slots: Slot[], [first, last]: [number, number]) {
  for (const [index, slot] of slots.entries()) {
    if (index < first - KEPT_PAGES || index > last + KEPT_PAGES) slot.rows = null;
  }
}
