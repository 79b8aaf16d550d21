// What every field of the form knows: what is wrong where, and which table an id is of.

import { createContext, useContext } from "react";
import type { Draft, TableOf } from "../../../lib/draft";
import type { Validator } from "../../../lib/schema";

export interface FormState {
  /** By path. */
  issues: Map<string, string>;
  tableOf: TableOf;
}

export const FormContext = createContext<FormState>({ issues: new Map(), tableOf: () => undefined });

/** What is wrong with one field; and the attributes that say so to who cannot see it. */
export function useIssue(path: string) {
  const message = useContext(FormContext).issues.get(path);
  const attributes = { "aria-invalid": message !== undefined, "aria-describedby": message === undefined ? undefined : errorId(path) };
  return { message, attributes };
}

export const errorId = (path: string) => `arg-error-${path}`;

export interface EditorProps<T extends Validator = Validator> {
  type: T;
  value: Draft;
  path: string;
  /** What the field is called by who hears it. */
  label: string;
  onChange: (next: Draft) => void;
}
