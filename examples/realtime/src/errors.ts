// What a failed mutation tells the person at the form.

import { ConvexError } from "convex/values";

/** Why something was refused, and at which field, if it was one. */
export interface Refusal {
  field: string | null;
  message: string;
}

/** Reads the data of the functions' ConvexErrors; everything else is shown as it is. */
export function explain(error: unknown): Refusal {
  if (error instanceof ConvexError) {
    const data: unknown = error.data;
    if (typeof data === "object" && data !== null && "message" in data) {
      const field = "field" in data ? String(data.field) : null;
      return { field, message: String(data.message) };
    }
  }
  return { field: null, message: error instanceof Error ? error.message : String(error) };
}
