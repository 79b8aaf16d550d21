//! Limits of values (function-runtime 4.2). They belong to the format of the data: every client
//! relies on them, and none is a setting.

/// Levels of arrays and objects in any value.
pub const NESTING_MAX: usize = 64;
/// Levels in a stored document.
pub const DOCUMENT_NESTING_MAX: usize = 16;
/// Elements of an array.
pub const ARRAY_LENGTH_MAX: usize = 8_192;
/// Fields of an object.
pub const OBJECT_FIELDS_MAX: usize = 1_024;
/// Characters of a field name.
pub const FIELD_NAME_MAX: usize = 1_024;
/// Bytes of any value.
pub const VALUE_BYTES_MAX: usize = 32 << 20;
/// Bytes of a stored document.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

const _: () = assert!(DOCUMENT_NESTING_MAX < NESTING_MAX);
const _: () = assert!(DOCUMENT_BYTES_MAX < VALUE_BYTES_MAX);
