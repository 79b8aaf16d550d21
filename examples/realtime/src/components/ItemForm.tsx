// The form for one item, as src/itemDraft.ts keeps it.

import { useConvexConnectionState } from "convex/react";
import type { ComponentProps, ReactNode } from "react";
import { useNavigate } from "react-router";
import type { Doc } from "../../convex/_generated/dataModel";
import { CATEGORIES, CATEGORY_LABELS } from "../categories";
import { useItemDraft, type Field, type FieldRefusal, type Status, type Texts } from "../itemDraft";

const LABELS: Texts = {
  name: "Name",
  category: "Category",
  quantity: "Quantity",
  price: "Price in euros",
  note: "Note",
};

/** Edits `item`, or makes a new one if it is null. */
export function ItemForm({ item }: { item: Doc<"items"> | null }) {
  const navigate = useNavigate();
  const draft = useItemDraft(item, (id) => void navigate(`/update?item=${id}`));
  const saving = draft.status.kind === "saving";
  const refusal = draft.status.kind === "refused" ? draft.status.refusal : null;

  const control = (field: Field) => ({
    id: `field-${field}`,
    "data-testid": `field-${field}`,
    value: draft.texts[field],
    disabled: saving,
    "aria-invalid": refusal?.field === field,
    onChange: (event: { target: { value: string } }) => draft.type(field, event.target.value),
  });
  const row = (field: Field, children: ReactNode) => (
    <FieldRow
      field={field}
      refusal={refusal?.field === field ? refusal : null}
      elsewhere={draft.elsewhere(field)}
    >
      {children}
    </FieldRow>
  );

  return (
    <form
      noValidate
      data-testid="item-form"
      onSubmit={(event) => {
        event.preventDefault();
        void draft.save();
      }}
    >
      <h2>{item === null ? "New item" : item.name}</h2>
      {row("name", <input {...control("name")} autoComplete="off" />)}
      {row("category", <CategorySelect {...control("category")} />)}
      <div className="pair">
        {row("quantity", <input {...control("quantity")} inputMode="numeric" autoComplete="off" />)}
        {row("price", <input {...control("price")} inputMode="decimal" autoComplete="off" />)}
      </div>
      {row("note", <input {...control("note")} autoComplete="off" />)}
      <div className="actions">
        <button type="submit" className="primary" disabled={saving || !draft.dirty} data-testid="save-button">
          {item === null ? "Add" : "Save"}
        </button>
        {draft.dirty && !saving && (
          <button type="button" onClick={draft.reset} data-testid="reset-button">
            Undo my changes
          </button>
        )}
        <SaveStatus status={draft.status} />
      </div>
      {refusal?.field === null && (
        <p className="field-error" role="alert" data-testid="form-error">
          {refusal.message}
        </p>
      )}
    </form>
  );
}

function CategorySelect(control: ComponentProps<"select">) {
  return (
    <select {...control}>
      {CATEGORIES.map((category) => (
        <option key={category} value={category}>
          {CATEGORY_LABELS[category]}
        </option>
      ))}
    </select>
  );
}

function SaveStatus({ status }: { status: Status }) {
  const { isWebSocketConnected } = useConvexConnectionState();
  return (
    <span role="status" className="quiet" data-testid="save-status" data-state={status.kind}>
      {status.kind === "saving" &&
        (isWebSocketConnected ? "Saving…" : "Will be sent when the connection is back.")}
      {status.kind === "saved" && "Saved. Everybody sees it."}
    </span>
  );
}

interface FieldRowProps {
  field: Field;
  refusal: FieldRefusal | null;
  /** What somebody else has put there meanwhile. */
  elsewhere: string | null;
  children: ReactNode;
}

function FieldRow({ field, refusal, elsewhere, children }: FieldRowProps) {
  return (
    <div className="field">
      <label htmlFor={`field-${field}`}>{LABELS[field]}</label>
      {children}
      {elsewhere !== null && (
        <p className="field-hint" data-testid={`elsewhere-${field}`}>
          Somebody has just set this to “{elsewhere}”. Saving puts yours in its place.
        </p>
      )}
      {refusal !== null && (
        <p className="field-error" role="alert" data-testid={`error-${field}`}>
          {refusal.message}
        </p>
      )}
    </div>
  );
}
