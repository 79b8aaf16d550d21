// Finding and making elements. What people have written goes in as text, never as markup.

import { ConvexError } from "convex/values";

/** The element with a test id; the page has it. */
export function byTestId<T extends HTMLElement>(id: string): T {
  const found = document.querySelector<T>(`[data-testid=${id}]`);
  if (found === null) throw new Error(`index.html has no element with the test id ${id}`);
  return found;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Shows rows, or a sentence where there are none. */
export function showRows(list: HTMLElement, rows: Node[], nothing: string) {
  list.replaceChildren(...(rows.length > 0 ? rows : [element("li", { className: "quiet" }, nothing)]));
}

/** Says in a note what a person should know of an error. */
export function explain(note: HTMLElement, error: unknown) {
  note.dataset.state = "bad";
  note.textContent = error instanceof ConvexError ? String(error.data) : `That did not work: ${String(error)}`;
}

export function say(note: HTMLElement, text: string) {
  note.dataset.state = "";
  note.textContent = text;
}
