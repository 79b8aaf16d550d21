// The categories in the order in which people see them.

import type { Doc } from "../convex/_generated/dataModel";

export type Category = Doc<"items">["category"];

/** What each category is called. */
export const CATEGORY_LABELS: Record<Category, string> = {
  bread: "Bread",
  pastry: "Pastry",
  drinks: "Drinks",
  pantry: "Pantry",
};

export const CATEGORIES = Object.keys(CATEGORY_LABELS) as Category[];

/** `text` as a category, or undefined if it names none. */
export function parseCategory(text: string | null) {
  return CATEGORIES.find((category) => category === text);
}
