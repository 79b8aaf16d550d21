// The form for one item. Fields that nobody has touched follow the server; touched ones keep what
// was typed and say so when somebody else changes the same field meanwhile.

import { useConvexConnectionState, useMutation } from "convex/react";
import { useState, type FormEvent, type ReactNode } from "react";
import { useNavigate } from "react-router";
import { api } from "../../convex/_generated/api";
import type { Doc } from "../../convex/_generated/dataModel";
import { CATEGORIES, CATEGORY_LABELS, parseCategory } from "../categories";
import { explain, type Refusal } from "../errors";
import { centsToText, textToCents, textToCount } from "../format";

const FIELDS = ["name", "category", "quantity", "price", "note"] as const;
type Field = (typeof FIELDS)[number];
type Texts = Record<Field, string>;
/** What was typed, and what the server had when typing began. */
type Draft = Partial<Record<Field, { text: string; base: string }>>;
type Status = { kind: "idle" | "saving" | "saved" } | { kind: "refused"; refusal: Refusal };

const LABELS: Texts = {
  name: "Name",
  category: "Category",
  quantity: "Quantity",
  price: "Price in euros",
  note: "Note",
};

const BLANK: Texts = { name: "", category: "bread", quantity: "1", price: "", note: "" };

function textsOf(item: Doc<"items">): Texts {
  return {
    name: item.name,
    category: item.category,
    quantity: String(item.quantity),
    price: centsToText(item.priceCents),
    note: item.note,
  };
}

/** Typed text as the mutation wants it, or why it cannot be. */
function parse(texts: Texts) {
  const category = parseCategory(texts.category);
  const quantity = textToCount(texts.quantity);
  const priceCents = textToCents(texts.price);
  const refusal = (field: Field, message: string) => ({ refusal: { field, message } });
  if (texts.name.trim() === "") return refusal("name", "Give it a name.");
  if (category === undefined) return refusal("category", "Choose a category.");
  if (quantity === null) return refusal("quantity", "Write a whole number, such as 12.");
  if (priceCents === null) return refusal("price", "Write an amount such as 3.50.");
  return { values: { name: texts.name, category, quantity, priceCents, note: texts.note } };
}

/** Edits `item`, or makes a new one if it is null. */
export function ItemForm({ item }: { item: Doc<"items"> | null }) {
  const create = useMutation(api.functions.create);
  const update = useMutation(api.functions.update);
  const navigate = useNavigate();
  const { isWebSocketConnected } = useConvexConnectionState();
  const [draft, setDraft] = useState<Draft>({});
  const [status, setStatus] = useState<Status>({ kind: "idle" });

  const live = item === null ? BLANK : textsOf(item);
  const texts = Object.fromEntries(FIELDS.map((field) => [field, draft[field]?.text ?? live[field]])) as Texts;
  const dirty = FIELDS.some((field) => texts[field] !== live[field]);
  const saving = status.kind === "saving";

  const type = (field: Field, text: string) => {
    setDraft((old) => ({ ...old, [field]: { text, base: old[field]?.base ?? live[field] } }));
    setStatus({ kind: "idle" });
  };

  const save = async () => {
    const { values, refusal } = parse(texts);
    if (refusal !== undefined) return setStatus({ kind: "refused", refusal });
    setStatus({ kind: "saving" });
    try {
      if (item === null) {
        const id = await create(values);
        void navigate(`/update?item=${id}`);
      } else {
        // Only what was touched, so that two people can change different fields of one item.
        await update({
          id: item._id,
          ...(draft.name && { name: values.name }),
          ...(draft.category && { category: values.category }),
          ...(draft.quantity && { quantity: values.quantity }),
          ...(draft.price && { priceCents: values.priceCents }),
          ...(draft.note && { note: values.note }),
        });
        setDraft({});
        setStatus({ kind: "saved" });
      }
    } catch (error) {
      setStatus({ kind: "refused", refusal: explain(error) });
    }
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save();
  };
  const refusal = status.kind === "refused" ? status.refusal : null;
  const row = (field: Field, control: ReactNode) => (
    <FieldRow
      field={field}
      refusal={refusal?.field === field || (field === "price" && refusal?.field === "priceCents") ? refusal : null}
      elsewhere={draft[field] && draft[field].base !== live[field] ? live[field] : null}
    >
      {control}
    </FieldRow>
  );
  const input = (field: Field, inputMode: "text" | "numeric" | "decimal" = "text") => (
    <input
      id={`field-${field}`}
      data-testid={`field-${field}`}
      value={texts[field]}
      inputMode={inputMode}
      autoComplete="off"
      disabled={saving}
      aria-invalid={refusal?.field === field}
      onChange={(event) => type(field, event.target.value)}
    />
  );
  const shownAtField = FIELDS.some((field) => field === refusal?.field) || refusal?.field === "priceCents";

  return (
    <form onSubmit={submit} noValidate data-testid="item-form">
      <h2>{item === null ? "New item" : item.name}</h2>
      {row("name", input("name"))}
      {row(
        "category",
        <select
          id="field-category"
          data-testid="field-category"
          value={texts.category}
          disabled={saving}
          onChange={(event) => type("category", event.target.value)}
        >
          {CATEGORIES.map((category) => (
            <option key={category} value={category}>
              {CATEGORY_LABELS[category]}
            </option>
          ))}
        </select>,
      )}
      <div className="pair">
        {row("quantity", input("quantity", "numeric"))}
        {row("price", input("price", "decimal"))}
      </div>
      {row("note", input("note"))}
      <div className="actions">
        <button type="submit" className="primary" disabled={saving || !dirty} data-testid="save-button">
          {item === null ? "Add" : "Save"}
        </button>
        {dirty && !saving && (
          <button type="button" onClick={() => setDraft({})} data-testid="reset-button">
            Undo my changes
          </button>
        )}
        <span role="status" data-testid="save-status" data-state={status.kind} className="quiet">
          {saving && (isWebSocketConnected ? "Saving…" : "Will be sent when the connection is back.")}
          {status.kind === "saved" && "Saved. Everybody sees it."}
        </span>
      </div>
      {refusal !== null && !shownAtField && (
        <p className="field-error" role="alert" data-testid="form-error">
          {refusal.message}
        </p>
      )}
    </form>
  );
}

interface FieldRowProps {
  field: Field;
  refusal: Refusal | null;
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
