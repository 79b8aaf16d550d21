// Names of tables.

/** Tables of the app; those of the server start with an underscore. */
export const userTables = (mapping: Record<string, string>) =>
  Object.values(mapping)
    .filter((name) => !name.startsWith("_"))
    .sort((a, b) => a.localeCompare(b));
