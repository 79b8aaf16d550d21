// The schema as it was pushed: what a table's fields are, in words and for the editors.

import { useMemo } from "react";
import { useLiveHere } from "./component";
import { system } from "./system";

export type Validator =
  | { type: "null" | "number" | "bigint" | "boolean" | "string" | "bytes" | "any" }
  | { type: "literal"; value: unknown }
  | { type: "id"; tableName: string }
  | { type: "array"; value: Validator }
  | { type: "record"; keys: Validator; values: Field }
  | { type: "object"; value: Record<string, Field> }
  | { type: "union"; value: Validator[] };

export interface Field {
  fieldType: Validator;
  optional: boolean;
}

export interface TableSchema {
  tableName: string;
  indexes: { indexDescriptor: string; fields: string[] }[];
  searchIndexes: { indexDescriptor: string; searchField: string; filterFields: string[] }[];
  vectorIndexes: { indexDescriptor: string; vectorField: string; dimensions: number; filterFields: string[] }[];
  documentType: Validator | null;
}

export interface SchemaDefinition {
  tables: TableSchema[];
  schemaValidation: boolean;
}

export function parseSchema(text: string | undefined): SchemaDefinition | null {
  if (!text) return null;
  const json = JSON.parse(text) as Partial<SchemaDefinition>;
  const tables = (json.tables ?? []).map((table) => ({
    ...table,
    indexes: table.indexes ?? [],
    searchIndexes: table.searchIndexes ?? [],
    vectorIndexes: table.vectorIndexes ?? [],
    documentType: table.documentType ?? null,
  }));
  return { tables, schemaValidation: json.schemaValidation ?? true };
}

export function useSchema(): { schema: SchemaDefinition | null; loading: boolean; error: Error | undefined } {
  const { data, error, loading } = useLiveHere(system.schemas, {});
  const schema = useMemo(() => parseSchema(data?.active), [data?.active]);
  return { schema, loading, error };
}

/** A table's fields; those of every variant, where the table is a union of objects. */
export function fieldsOf(type: Validator | null | undefined): Record<string, Field> {
  if (!type) return {};
  if (type.type === "object") return type.value;
  if (type.type !== "union") return {};
  const all: Record<string, Field> = {};
  for (const variant of type.value) {
    for (const [name, field] of Object.entries(fieldsOf(variant))) {
      const known = all[name];
      all[name] = known
        ? { optional: true, fieldType: { type: "union", value: [known.fieldType, field.fieldType] } }
        : field;
    }
  }
  return all;
}

/** As it is written in a schema file. */
export function typeText(type: Validator): string {
  switch (type.type) {
    case "literal":
      return JSON.stringify(type.value);
    case "id":
      return `Id<"${type.tableName}">`;
    case "array":
      return `${typeText(type.value)}[]`;
    case "record":
      return `Record<${typeText(type.keys)}, ${typeText(type.values.fieldType)}>`;
    case "object":
      return `{ ${Object.entries(type.value)
        .map(([name, field]) => `${name}${field.optional ? "?" : ""}: ${typeText(field.fieldType)}`)
        .join(", ")} }`;
    case "union":
      return [...new Set(type.value.map(typeText))].join(" | ");
    default:
      return type.type;
  }
}

/** As a validator in a schema file. */
export function validatorText(type: Validator, indent = ""): string {
  const inner = `${indent}  `;
  const field = ({ fieldType, optional }: Field) =>
    optional ? `v.optional(${validatorText(fieldType, inner)})` : validatorText(fieldType, inner);
  switch (type.type) {
    case "number":
      return "v.number()";
    case "bigint":
      return "v.int64()";
    case "literal":
      return `v.literal(${JSON.stringify(type.value)})`;
    case "id":
      return `v.id("${type.tableName}")`;
    case "array":
      return `v.array(${validatorText(type.value, indent)})`;
    case "record":
      return `v.record(${validatorText(type.keys, indent)}, ${field(type.values)})`;
    case "object": {
      const lines = Object.entries(type.value).map(([name, value]) => `${inner}${name}: ${field(value)},`);
      return lines.length ? `v.object({\n${lines.join("\n")}\n${indent}})` : "v.object({})";
    }
    case "union":
      return `v.union(${type.value.map((part) => validatorText(part, indent)).join(", ")})`;
    default:
      return `v.${type.type}()`;
  }
}

/** The table an id field points to, also through unions and lists. */
export function referencesOf(type: Validator): string[] {
  switch (type.type) {
    case "id":
      return [type.tableName];
    case "array":
      return referencesOf(type.value);
    case "record":
      return referencesOf(type.values.fieldType);
    case "union":
      return type.value.flatMap(referencesOf);
    case "object":
      return Object.values(type.value).flatMap((field) => referencesOf(field.fieldType));
    default:
      return [];
  }
}

const TEXT = new Set(["string", "id"]);

/** Whether what is typed for such a field is text without quotes. */
export function isText(type: Validator | undefined): boolean {
  if (!type) return false;
  if (type.type === "union") return type.value.length > 0 && type.value.every(isText);
  return TEXT.has(type.type) || (type.type === "literal" && typeof type.value === "string");
}

/** A schema file with the same meaning as what was pushed. */
export function schemaFile(schema: SchemaDefinition): string {
  const tables = schema.tables.map((table) => {
    const type = table.documentType;
    const body =
      !type || type.type === "any"
        ? "v.any()"
        : type.type === "object"
          ? validatorText(type, "  ").slice("v.object(".length, -1)
          : validatorText(type, "  ");
    const lines = [`  ${table.tableName}: defineTable(${body})`];
    for (const index of table.indexes) {
      const fields = index.fields.filter((name) => name !== "_creationTime");
      lines.push(`    .index("${index.indexDescriptor}", ${JSON.stringify(fields)})`);
    }
    for (const index of table.searchIndexes) {
      const fields = `searchField: "${index.searchField}", filterFields: ${JSON.stringify(index.filterFields)}`;
      lines.push(`    .searchIndex("${index.indexDescriptor}", { ${fields} })`);
    }
    for (const index of table.vectorIndexes) {
      const fields = `vectorField: "${index.vectorField}", dimensions: ${index.dimensions}`;
      lines.push(`    .vectorIndex("${index.indexDescriptor}", { ${fields} })`);
    }
    return `${lines.join("\n")},`;
  });
  return [
    'import { defineSchema, defineTable } from "convex/server";',
    'import { v } from "convex/values";',
    "",
    "export default defineSchema({",
    ...tables,
    schema.schemaValidation ? "});" : "}, { schemaValidation: false });",
    "",
  ].join("\n");
}
