// One document: as a tree, as text to edit, what it points to and is pointed at by, and which live
// queries read it.

import { Copy, Trash2 } from "lucide-react";
import type { Value } from "convex/values";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { Tabs } from "../../components/Tabs";
import { Tree } from "../../components/Tree";
import { Badge, Button, Confirm, Dialog, Loading, Problem, Time } from "../../components/ui";
import { useLiveHere, useScope } from "../../lib/component";
import { useDeployment } from "../../lib/deployment";
import { encodeFilters, newClause, type Filters } from "../../lib/filters";
import { tableNumberOf } from "../../lib/ids";
import { messageOf } from "../../lib/live";
import { fieldsOf, referencesOf, type SchemaDefinition } from "../../lib/schema";
import { system, type Row } from "../../lib/system";
import { copy, toast } from "../../lib/toasts";
import { formatValue, parseValue } from "../../lib/values";
import { withoutSystem, type Editing } from "./edits";
import { Readers } from "./Readers";

interface Props {
  id: string;
  table: string;
  mapping: Record<string, string>;
  schema: SchemaDefinition | null;
  editing: Editing;
  onClose: () => void;
}

const TABS = ["Fields", "Edit", "References", "Read by"] as const;

export function DocumentDrawer({ id, table, mapping, schema, editing, onClose }: Props) {
  const { data, error, loading } = useLiveHere(system.byIds, { ids: [{ id, tableName: table }] });
  const [tab, setTab] = useState<(typeof TABS)[number]>("Fields");
  const [deleting, setDeleting] = useState(false);
  const { has } = useDeployment();
  const row = data?.[0];
  const footer = row && (
    <>
      <Button look="danger" needs="WriteData" icon={<Trash2 size={14} />} onClick={() => setDeleting(true)}>
        Delete
      </Button>
      <span className="grow" />
      <Button icon={<Copy size={14} />} onClick={() => void copy(formatValue(row, 2))}>
        Copy
      </Button>
    </>
  );
  return (
    <Dialog title={`${table} / ${id}`} onClose={onClose} drawer footer={footer} testId="document-drawer">
      {error ? (
        <Problem error={error} />
      ) : loading ? (
        <Loading />
      ) : !row ? (
        <p>There is no document with this id; it may have been deleted.</p>
      ) : (
        <>
          <p className="muted">
            Created <Time ms={row._creationTime} />
          </p>
          <Tabs>
            {TABS.filter((name) => name !== "Read by" || has("introspection")).map((name) => (
              <button key={name} type="button" role="tab" className="tab" aria-selected={name === tab} onClick={() => setTab(name)}>
                {name}
              </button>
            ))}
          </Tabs>
          {tab === "Fields" && <Tree value={row} open />}
          {tab === "Edit" && <EditDocument row={row} editing={editing} />}
          {tab === "Read by" && <Readers id={id} table={table} />}
          {tab === "References" && <References row={row} {...{ table, mapping, schema }} />}
        </>
      )}
      {deleting && row && (
        <Confirm
          title="Delete this document?"
          button="Delete"
          onClose={() => setDeleting(false)}
          run={async () => {
            await editing.remove([row]);
            toast("Deleted");
            onClose();
          }}
        >
          <p className="mono">{row._id}</p>
        </Confirm>
      )}
    </Dialog>
  );
}

function EditDocument({ row, editing }: { row: Row; editing: Editing }) {
  const stored = formatValue(withoutSystem(row), 2);
  const [text, setText] = useState(stored);
  const [base, setBase] = useState(stored);
  const [error, setError] = useState<string | null>(null);
  const changedElsewhere = base !== stored;
  // What nobody has touched here follows the document.
  useEffect(() => {
    if (text === base && base !== stored) {
      setText(stored);
      setBase(stored);
    }
  }, [text, base, stored]);
  const save = async () => {
    try {
      await editing.replace(row, parseValue(text));
      setBase(text);
      setError(null);
      toast("Saved");
    } catch (problem) {
      setError(messageOf(problem));
    }
  };
  return (
    <div className="field">
      {changedElsewhere && <Badge kind="warn">Somebody changed this document since you began; saving overwrites that.</Badge>}
      <textarea rows={20} spellCheck={false} aria-label="Document" value={text} onChange={(event) => setText(event.target.value)} data-testid="document-text" />
      <p className="error-text" role="alert" data-testid="document-error">
        {error}
      </p>
      <div className="row">
        <span className="grow" />
        <Button disabled={text === stored} onClick={() => (setText(stored), setBase(stored))}>
          Discard
        </Button>
        <Button look="primary" needs="WriteData" disabled={text === stored} onClick={() => void save()} data-testid="document-save">
          Save
        </Button>
      </div>
    </div>
  );
}

/** Ids in a value, with where they stand. */
function idsIn(value: Value | undefined, path: string): { path: string; id: string }[] {
  if (typeof value === "string") return tableNumberOf(value) === null ? [] : [{ path, id: value }];
  if (!value || typeof value !== "object" || value instanceof ArrayBuffer) return [];
  const entries = Array.isArray(value) ? value.map((item, index) => [`[${index}]`, item] as const) : Object.entries(value);
  return entries.flatMap(([key, item]) => idsIn(item as Value, path ? `${path}.${key}` : key));
}

function References({ row, table, mapping, schema }: { row: Row } & Pick<Props, "table" | "mapping" | "schema">) {
  const { to } = useScope();
  const outgoing = idsIn(withoutSystem(row), "").slice(0, 50);
  const incoming = (schema?.tables ?? []).flatMap((other) =>
    Object.entries(fieldsOf(other.documentType))
      .filter(([, field]) => field.fieldType.type !== "array" && referencesOf(field.fieldType).includes(table))
      .map(([name]) => {
        const index = other.indexes.find(({ fields }) => fields[0] === name);
        return { table: other.tableName, field: name, index: index?.indexDescriptor };
      }),
  );
  return (
    <div className="references">
      <h3>Points to</h3>
      {outgoing.length === 0 && <p className="muted">No ids in this document.</p>}
      <ul>
        {outgoing.map(({ path, id }) => {
          const target = mapping[String(tableNumberOf(id))];
          return (
            <li key={path}>
              <span className="muted">{path}</span> →{" "}
              {target ? <Link to={to(`/data?table=${encodeURIComponent(target)}&doc=${id}`)}>{target}</Link> : "unknown table"}{" "}
              <code>{id}</code>
            </li>
          );
        })}
      </ul>
      <h3>Pointed at by</h3>
      {incoming.length === 0 && <p className="muted">No field of the schema refers to {table}.</p>}
      {incoming.map((source) => (
        <BackReferences key={`${source.table}.${source.field}`} id={row._id} {...source} />
      ))}
    </div>
  );
}

function BackReferences({ id, table, field, index }: { id: string; table: string; field: string; index: string | undefined }) {
  const filters: Filters = index
    ? { clauses: [], order: "desc", index: { name: index, clauses: [{ type: "indexEq", enabled: true, value: id }] } }
    : { clauses: [newClause(field, "eq", id)], order: "desc" };
  const { to } = useScope();
  const [text] = useState(() => encodeFilters(filters));
  const { data } = useLiveHere(system.documents, { table, filters: text, paginationOpts: { numItems: 10, cursor: null } });
  const rows = (data?.page ?? []).filter((row): row is Row => "_id" in row);
  return (
    <div data-testid="back-references">
      <p>
        <Link to={to(`/data?table=${encodeURIComponent(table)}&filters=${encodeURIComponent(text ?? "")}`)}>
          {table}.{field}
        </Link>{" "}
        <span className="muted">
          {data ? `${rows.length}${data.isDone ? "" : "+"}` : "…"} {index ? `by index ${index}` : "by full scan"}
        </span>
      </p>
      <ul>
        {rows.map((row) => (
          <li key={row._id}>
            <Link to={to(`/data?table=${encodeURIComponent(table)}&doc=${row._id}`)}>
              <code>{row._id}</code>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}
