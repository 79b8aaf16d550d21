// Documents out of the grid and into it as JSON, JSON lines or CSV.

import type { ConvexReactClient } from "convex/react";
import { convexToJson, jsonToConvex, type JSONValue, type Value } from "convex/values";
import Papa from "papaparse";
import { isText, type Field } from "../../lib/schema";
import { system, type FilterError, type Row } from "../../lib/system";
import { formatValue, parseValue, ValueError } from "../../lib/values";

export type Format = "jsonl" | "json" | "csv";

const PAGE = 200;

/** What is exported: a table, of a component if one is named. */
type Source = { table: string; filters: string | null; componentId?: string };

async function* allPages(client: ConvexReactClient, source: Source) {
  for (let cursor: string | null = null; ; ) {
    const answer: { page: (Row | FilterError)[]; isDone: boolean; continueCursor: string } = await client.query(
      system.documents,
      { ...source, paginationOpts: { numItems: PAGE, cursor } },
    );
    yield answer.page.filter((row): row is Row => "_id" in row);
    if (answer.isDone) return;
    cursor = answer.continueCursor;
  }
}

function csvCell(value: Value | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : formatValue(value);
}

function toText(rows: Row[], format: Format): string {
  const json = (row: Row) => JSON.stringify(convexToJson(row as Value));
  if (format === "jsonl") return rows.map((row) => `${json(row)}\n`).join("");
  if (format === "json") return `[\n${rows.map(json).join(",\n")}\n]\n`;
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return Papa.unparse({ fields, data: rows.map((row) => fields.map((name) => csvCell(row[name]))) });
}

const TYPES: Record<Format, string> = { jsonl: "application/jsonl", json: "application/json", csv: "text/csv" };

/** Downloads everything a filter matches; gives the number of documents. */
export async function exportRows(client: ConvexReactClient, source: Source, format: Format) {
  const rows: Row[] = [];
  for await (const page of allPages(client, source)) rows.push(...page);
  const url = URL.createObjectURL(new Blob([toText(rows, format)], { type: TYPES[format] }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${source.table}.${format}`;
  link.click();
  URL.revokeObjectURL(url);
  return rows.length;
}

/** A cell of a table of text: text where the schema wants text, else a literal, else text. */
export function parseCell(text: string, field: Field | undefined): Value {
  if (field && isText(field.fieldType)) return text;
  try {
    return parseValue(text);
  } catch (error) {
    if (error instanceof ValueError && !field) return text;
    throw error;
  }
}

function strip(document: Value): Value {
  if (!document || typeof document !== "object" || Array.isArray(document)) return document;
  return Object.fromEntries(Object.entries(document).filter(([name]) => name !== "_id" && name !== "_creationTime"));
}

/** The documents in a file; their ids and creation times are left behind. */
export function readDocuments(name: string, text: string, fields: Record<string, Field>): Value[] {
  if (/\.csv$|\.tsv$/i.test(name)) {
    const { data } = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true });
    return data.map((row) =>
      strip(
        Object.fromEntries(
          Object.entries(row)
            .filter(([, cell]) => cell !== "")
            .map(([field, cell]) => [field, parseCell(cell, fields[field])]),
        ),
      ),
    );
  }
  if (/\.jsonl$|\.ndjson$/i.test(name)) {
    return text
      .split("\n")
      .filter((line) => line.trim())
      .map((line, index) => {
        try {
          return strip(jsonToConvex(JSON.parse(line) as JSONValue));
        } catch (error) {
          throw new ValueError(`Line ${index + 1}: ${(error as Error).message}`);
        }
      });
  }
  const value = jsonToConvex(JSON.parse(text) as JSONValue);
  return (Array.isArray(value) ? value : [value]).map(strip);
}

/** A block of cells from a clipboard: tabs, as spreadsheets write, or commas. */
export function parseBlock(text: string): string[][] {
  const clean = text.replace(/\r?\n$/, "");
  if (!/[\t,\n]/.test(clean)) return [[clean]];
  return Papa.parse<string[]>(clean, { delimiter: clean.includes("\t") ? "\t" : "," }).data;
}

export const formatBlock = (cells: string[][]) => Papa.unparse(cells, { delimiter: "\t", newline: "\n" });
