// The tables of the schema and how they refer to each other, as a graph; their fields and indexes;
// and the schema file.

import { Copy, Workflow } from "lucide-react";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import { ComponentPicker } from "../../components/ComponentPicker";
import { IndexBadge } from "../../components/IndexBadge";
import { Badge, Button, Empty, Loading, Problem } from "../../components/ui";
import { useLiveHere, useScope } from "../../lib/component";
import { useDeployment } from "../../lib/deployment";
import { useIndexes } from "../../lib/indexes";
import { fieldsOf, schemaFile, typeText, useSchema, type SchemaDefinition, type TableSchema } from "../../lib/schema";
import { system } from "../../lib/system";
import { copy } from "../../lib/toasts";
import { userTables } from "../../lib/tables";
import { Graph } from "./Graph";

const VIEWS = ["Graph", "File"] as const;

export default function Schema() {
  const { session } = useDeployment();
  const { schema, loading, error } = useSchema();
  const { id } = useScope();
  const mapping = useLiveHere(system.tables, {}).data;
  const progress = useLiveHere(system.validation, {}).data;
  const [view, setView] = useState<(typeof VIEWS)[number]>("Graph");
  const [chosen, setChosen] = useState<string | null>(null);
  const full = useMemo(() => withUndeclared(schema, mapping), [schema, mapping]);
  if (error || loading || !full) {
    return (
      <div className="page">
        <h1>Schema</h1>
        {error && <ComponentPicker />}
        {error ? <Problem error={error} /> : <Loading />}
      </div>
    );
  }
  const table = full.tables.find(({ tableName }) => tableName === chosen);
  return (
    <div className="page full">
      <div className="page-head">
        <h1>Schema</h1>
        {progress && (
          <Badge kind="info">
            checking documents: {progress.numDocsValidated}
            {progress.totalDocs ? ` of ${progress.totalDocs}` : ""}
          </Badge>
        )}
        <ComponentPicker />
        {schema && !schema.schemaValidation && <Badge kind="warn">documents are not checked</Badge>}
        <span className="grow" />
        <div className="segmented" role="group" aria-label="View">
          {VIEWS.map((name) => (
            <button key={name} type="button" aria-pressed={name === view} onClick={() => setView(name)}>
              {name}
            </button>
          ))}
        </div>
      </div>
      {full.tables.length === 0 ? (
        <Empty title="No tables yet" icon={<Workflow size={26} />}>
          Tables appear here when a schema is pushed or a document is written.
        </Empty>
      ) : view === "File" ? (
        <SchemaFile schema={schema} />
      ) : (
        <div className="schema-view">
          <Graph
            schema={full}
            declared={new Set(schema?.tables.map(({ tableName }) => tableName))}
            storageKey={`lentil-schema-${session.name}${id ? ` ${id}` : ""}`}
            chosen={chosen}
            onChoose={setChosen}
          />
          {table && <TablePanel table={table} declared={schema?.tables.includes(table) ?? false} />}
        </div>
      )}
    </div>
  );
}

/** Tables that exist without being in the schema are drawn too. */
function withUndeclared(schema: SchemaDefinition | null, mapping: Record<string, string> | undefined): SchemaDefinition | null {
  if (!mapping) return null;
  const declared = schema?.tables ?? [];
  const names = new Set(declared.map(({ tableName }) => tableName));
  const others = userTables(mapping).filter((name) => !names.has(name));
  const bare = others.map((tableName) => ({ tableName, indexes: [], searchIndexes: [], vectorIndexes: [], documentType: null }));
  return { tables: [...declared, ...bare], schemaValidation: schema?.schemaValidation ?? false };
}

function SchemaFile({ schema }: { schema: SchemaDefinition | null }) {
  if (!schema) return <Empty title="No schema was pushed">An app works without one; add convex/schema.ts to have documents checked.</Empty>;
  const text = schemaFile(schema);
  return (
    <section className="card code-card">
      <div className="card-head">
        <h2>convex/schema.ts, as the server has it</h2>
        <Button icon={<Copy size={14} />} onClick={() => void copy(text)}>
          Copy
        </Button>
      </div>
      <pre className="code">{text}</pre>
    </section>
  );
}

function TablePanel({ table, declared }: { table: TableSchema; declared: boolean }) {
  const { to } = useScope();
  const indexes = useIndexes(table.tableName);
  const fields = Object.entries(fieldsOf(table.documentType));
  return (
    <aside className="schema-panel card" aria-label={table.tableName} data-testid="schema-panel">
      <h2>
        <Link to={to(`/data?table=${encodeURIComponent(table.tableName)}`)}>{table.tableName}</Link>
        {!declared && <Badge kind="warn">not in the schema</Badge>}
      </h2>
      <h3>Fields</h3>
      {fields.length === 0 && <p className="muted">Anything.</p>}
      <dl className="kv">
        {fields.map(([name, field]) => (
          <div key={name} className="kv-row">
            <dt className="mono">
              {name}
              {field.optional ? "?" : ""}
            </dt>
            <dd className="mono">{typeText(field.fieldType)}</dd>
          </div>
        ))}
      </dl>
      <h3>Indexes</h3>
      {indexes?.length === 0 && <p className="muted">None but creation time.</p>}
      <ul className="index-list">
        {indexes?.map((index, at) => (
          // An index whose fields change is there twice until its successor is filled.
          <li key={`${index.name} ${at}`} data-testid={`index-${index.name}`}>
            <code>{index.name}</code>{" "}
            <span className="muted">
              {Array.isArray(index.fields)
                ? index.fields.join(", ")
                : "searchField" in index.fields
                  ? `search ${index.fields.searchField}`
                  : `vector ${index.fields.vectorField}`}
            </span>{" "}
            <IndexBadge filling={index.filling} />
            {index.staged && <Badge>staged</Badge>}
          </li>
        ))}
      </ul>
    </aside>
  );
}
