// CRUD of a table: for clients, and, as it is without builders, internal.

import { crud } from "convex-helpers/server/crud";
import { mutation, query } from "./_generated/server";
import schema from "./schema";

export const { create, read, paginate, update, destroy } = crud(schema, "users", query, mutation);
