// Changes of documents: each says what went wrong, and leaves behind how to take it back.

import type { Value } from "convex/values";
import { useMemo } from "react";
import { count } from "../../lib/format";
import { useDeployment } from "../../lib/deployment";
import { useCallHere } from "../../lib/component";
import { beforeEdit } from "../../lib/production";
import { REMOVE_FIELD, system, type Row } from "../../lib/system";
import { remember } from "../../lib/undo";

type Fields = Record<string, Value>;

/** Documents a call of the server takes. */
const BATCH = 1000;

export class EditError extends Error {}

function check(answer: { success: boolean; error?: string } | null) {
  if (answer && !answer.success) throw new EditError(answer.error ?? "the server refused the change");
}

/** Old values of the fields that a patch changes. */
export function before(row: Row, fields: Fields): Fields {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, row[name] === undefined ? REMOVE_FIELD : row[name]]));
}

/** Rows that had the same old values are taken back together. */
function groups(rows: Row[], fields: Fields): { ids: string[]; fields: Fields }[] {
  const byText = new Map<string, { ids: string[]; fields: Fields }>();
  for (const row of rows) {
    const old = before(row, fields);
    const text = JSON.stringify(old, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
    const group = byText.get(text) ?? { ids: [], fields: old };
    group.ids.push(row._id);
    byText.set(text, group);
  }
  return [...byText.values()];
}

const rowsText = (number: number) => (number === 1 ? "a row" : `${count(number)} rows`);

export const withoutSystem = (row: Row): Fields =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("_")));

export function useEditing(table: string) {
  const { session } = useDeployment();
  const change = useCallHere();
  return useMemo(() => {
    const call: typeof change = async (reference, args) => {
      await beforeEdit(session.key);
      return await change(reference, args);
    };
    const patchIds = async (ids: string[], fields: Fields) => {
      for (let at = 0; at < ids.length; at += BATCH) {
        check(await call(system.patch, { table, ids: ids.slice(at, at + BATCH), fields }));
      }
    };
    const removeIds = async (ids: string[]) => {
      for (let at = 0; at < ids.length; at += BATCH) {
        const toDelete = ids.slice(at, at + BATCH).map((id) => ({ id, tableName: table }));
        check(await call(system.remove, { toDelete }));
      }
    };
    return {
      async patch(rows: Row[], fields: Fields) {
        const old = groups(rows, fields);
        await patchIds(rows.map((row) => row._id), fields);
        remember(`edited ${rowsText(rows.length)} of ${table}`, async () => {
          for (const group of old) await patchIds(group.ids, group.fields);
        });
      },
      async patchAll(fields: Fields) {
        check(await call(system.patch, { table, fields }));
      },
      async replace(row: Row, document: Value) {
        check(await call(system.replace, { id: row._id, document }));
        remember(`replaced a document of ${table}`, async () => {
          check(await call(system.replace, { id: row._id, document: withoutSystem(row) }));
        });
      },
      async add(documents: Value[], progress?: (done: number) => void) {
        for (let at = 0; at < documents.length; at += BATCH) {
          check(await call(system.add, { table, documents: documents.slice(at, at + BATCH) }));
          progress?.(Math.min(at + BATCH, documents.length));
        }
      },
      async remove(rows: Row[]) {
        await removeIds(rows.map((row) => row._id));
        remember(`deleted ${rowsText(rows.length)} of ${table}`, async () => {
          for (let at = 0; at < rows.length; at += BATCH) {
            check(await call(system.restore, { documents: rows.slice(at, at + BATCH) }));
          }
        });
      },
      async clear(progress: (deleted: number) => void) {
        let cursor: string | null = null;
        for (let deleted = 0; ; ) {
          const page: { deleted: number; hasMore: boolean; continueCursor: string } = await change(system.clearPage, {
            tableName: table,
            cursor,
          });
          deleted += page.deleted;
          progress(deleted);
          if (!page.hasMore) return;
          cursor = page.continueCursor;
        }
      },
    };
  }, [change, session.key, table]);
}

export type Editing = ReturnType<typeof useEditing>;
