//! Limits of schemas and of the environment; none is a setting.

/// Indexes of a table, of all kinds.
pub const INDEXES_MAX: usize = 64;
/// Fields of an index.
pub const INDEX_FIELDS_MAX: usize = 16;
/// Characters of the name of a table or index.
pub const NAME_MAX: usize = 64;
/// Environment variables of a deployment.
pub const ENVIRONMENT_VARIABLES_MAX: usize = 512;
/// Bytes of the name of a variable.
pub const VARIABLE_NAME_BYTES_MAX: usize = 256;
/// Bytes of the value of a variable.
pub const VARIABLE_BYTES_MAX: usize = 8_192;
/// Bytes of all variables, names and values.
pub const VARIABLES_BYTES_MAX: usize = 512 << 10;
