// Builders for the tables of a schema, in the form that the SDK's export() gives them.
const simple = (type) => () => ({ type });
const v = {
  string: simple("string"), number: simple("number"), bigint: simple("bigint"), boolean: simple("boolean"),
  bytes: simple("bytes"), any: simple("any"), null: simple("null"), array: (value) => ({ type: "array", value }),
  literal: (value) => ({ type: "literal", value }), id: (tableName) => ({ type: "id", tableName }),
  union: (...value) => ({ type: "union", value }), object: (fields) => ({ type: "object", value: required(fields) }),
  record: (keys, values) => ({ type: "record", keys, values: { fieldType: values, optional: false } }),
  optional: (fieldType) => ({ fieldType, optional: true }),
};

function required(fields) {
  const field = ([name, value]) => [name, "fieldType" in value ? value : { fieldType: value, optional: false }];
  return Object.fromEntries(Object.entries(fields).map(field));
}

const index = (indexDescriptor, ...fields) => ({ indexDescriptor, fields });
const search = (indexDescriptor, searchField, filterFields = []) => ({ indexDescriptor, searchField, filterFields });
const vector = (indexDescriptor, vectorField, dimensions, filterFields = []) =>
  ({ indexDescriptor, vectorField, dimensions, filterFields });

/** A table of a validator, or of the fields of an object. */
function table(tableName, type, indexes = [], more = {}) {
  const documentType = typeof type?.type === "string" ? type : v.object(type);
  return { tableName, indexes, documentType, ...more };
}

const schema = (tables) => ({ export: () => JSON.stringify({ tables, schemaValidation: true }) });
