// What the item form knows: the server's fields, what was typed over them, and how saving went.
// Fields that nobody has touched follow the server; touched ones keep what was typed.

import { useMutation } from "convex/react";
import { useState } from "react";
import { api } from "../convex/_generated/api";
import type { Doc, Id } from "../convex/_generated/dataModel";
import { parseCategory } from "./categories";
import { explain } from "./errors";
import { centsToText, textToCents, textToCount } from "./format";

export const FIELDS = ["name", "category", "quantity", "price", "note"] as const;
export type Field = (typeof FIELDS)[number];
export type Texts = Record<Field, string>;

/** Why the form was not saved, and at which field, if it was one. */
export interface FieldRefusal {
  field: Field | null;
  message: string;
}

export type Status = { kind: "idle" | "saving" | "saved" } | { kind: "refused"; refusal: FieldRefusal };

/** What was typed, and what the server had when typing began. */
type Draft = Partial<Record<Field, { text: string; base: string }>>;

const BLANK: Texts = { name: "", category: "bread", quantity: "1", price: "", note: "" };

/** The state of a form for `item`, or for a new one if it is null; `onCreated` gets its id. */
export function useItemDraft(item: Doc<"items"> | null, onCreated: (id: Id<"items">) => void) {
  const create = useMutation(api.functions.create);
  const update = useMutation(api.functions.update);
  const [draft, setDraft] = useState<Draft>({});
  const [status, setStatus] = useState<Status>({ kind: "idle" });

  const live = item === null ? BLANK : textsOf(item);
  const texts = Object.fromEntries(
    FIELDS.map((field) => [field, draft[field]?.text ?? live[field]]),
  ) as Texts;

  const type = (field: Field, text: string) => {
    setDraft((old) => ({ ...old, [field]: { text, base: old[field]?.base ?? live[field] } }));
    setStatus({ kind: "idle" });
  };
  const reset = () => {
    setDraft({});
    setStatus({ kind: "idle" });
  };
  const save = async () => {
    const parsed = parse(texts);
    if (!parsed.ok) {
      setStatus({ kind: "refused", refusal: parsed.refusal });
      return;
    }
    setStatus({ kind: "saving" });
    try {
      if (item === null) {
        onCreated(await create(parsed.values));
        return;
      }
      await update({ id: item._id, ...touched(parsed.values, draft) });
      setDraft({});
      setStatus({ kind: "saved" });
    } catch (error) {
      setStatus({ kind: "refused", refusal: refusalOf(error) });
    }
  };
  return {
    texts,
    status,
    dirty: FIELDS.some((field) => texts[field] !== live[field]),
    /** What somebody else has put into a field since it was touched, or null. */
    elsewhere: (field: Field) => {
      const typed = draft[field];
      return typed !== undefined && typed.base !== live[field] ? live[field] : null;
    },
    type,
    reset,
    save,
  };
}

function textsOf(item: Doc<"items">): Texts {
  return {
    name: item.name,
    category: item.category,
    quantity: String(item.quantity),
    price: centsToText(item.priceCents),
    note: item.note,
  };
}

type Values = Pick<Doc<"items">, "name" | "category" | "quantity" | "priceCents" | "note">;

/** Typed text as the mutations want it, or why it cannot be. */
function parse(texts: Texts): { ok: true; values: Values } | { ok: false; refusal: FieldRefusal } {
  const category = parseCategory(texts.category);
  const quantity = textToCount(texts.quantity);
  const priceCents = textToCents(texts.price);
  const refused = (field: Field, message: string) => ({ ok: false as const, refusal: { field, message } });
  if (texts.name.trim() === "") return refused("name", "Give it a name.");
  if (category === undefined) return refused("category", "Choose a category.");
  if (quantity === null) return refused("quantity", "Write a whole number, such as 12.");
  if (priceCents === null) return refused("price", "Write an amount, such as 3.50.");
  return { ok: true, values: { name: texts.name, category, quantity, priceCents, note: texts.note } };
}

/** Only what was touched, so that two people can change different fields of one item. */
function touched(values: Values, draft: Draft): Partial<Values> {
  return {
    ...(draft.name && { name: values.name }),
    ...(draft.category && { category: values.category }),
    ...(draft.quantity && { quantity: values.quantity }),
    ...(draft.price && { priceCents: values.priceCents }),
    ...(draft.note && { note: values.note }),
  };
}

/** The server speaks of the stored fields; the form has one field that is named otherwise. */
function refusalOf(error: unknown): FieldRefusal {
  const { field, message } = explain(error);
  const shown = field === "priceCents" ? "price" : field;
  return { field: FIELDS.find((one) => one === shown) ?? null, message };
}
