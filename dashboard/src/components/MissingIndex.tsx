// What spares a full scan: an index to declare, with the line to copy, or the one that is there.

import { Copy } from "lucide-react";
import { remedyFor, type KnownIndex, type Sought } from "../lib/missing";
import { copy } from "../lib/toasts";

interface Props {
  /** As figures name it. */
  table: string;
  sought: Sought;
  indexes: KnownIndex[];
}

export function MissingIndex({ table, sought, indexes }: Props) {
  const remedy = remedyFor(sought, indexes);
  if (remedy.kind === "unknown") {
    return (
      <p className="missing-index muted" data-testid="missing-index" data-kind="unknown">
        Nothing in the query says which rows are wanted. If JavaScript sorts them out afterwards, its fields are not known here; an index on them would serve.
      </p>
    );
  }
  if (remedy.kind === "none") {
    return (
      <p className="missing-index muted" data-testid="missing-index" data-kind="none">
        No index finds what this filter asks for: it neither has a field equal something nor lie above or below it.
      </p>
    );
  }
  if (remedy.kind === "there") {
    return (
      <p className="missing-index muted" data-testid="missing-index" data-kind="there">
        The index <code>{remedy.index}</code> has {remedy.fields.join(", ")}: read by it with <code>withIndex</code>.
      </p>
    );
  }
  // Tables of a component come as `@component/table`.
  const [, component, own] = /^@(.*)\/([^/]+)$/.exec(table) ?? [null, null, table];
  return (
    <div className="missing-index" data-testid="missing-index" data-kind="missing">
      <span className="muted">
        An index on {remedy.fields.join(", ")} would serve. In {component ? <>the schema of the component <code>{component}</code></> : <code>convex/schema.ts</code>}, behind the table <code>{own}</code>:
      </span>
      <button type="button" className="code-line" onClick={() => void copy(remedy.line, "Copied the line for the schema")} data-testid="missing-index-line">
        <code>{remedy.line}</code>
        <Copy size={14} />
      </button>
    </div>
  );
}
