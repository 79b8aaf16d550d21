//! This crate runs user code: it links pushed modules into scripts, supervises the executor
//! processes (Node, V8), runs one call under limits and hands every request of the code to a
//! [`Syscalls`].
//!
//! It does not know the database, and it leaks no process or frame types. The JavaScript that
//! runs inside the executors lives in `executor/` at the root and is embedded here.
//!
//! Invariants: user code can affect the world only through `Syscalls`; whatever user code does
//! (loops, memory, crashes) costs one call and at most one executor, never this process.

mod actions;
mod analyze;
mod bundle;
mod call;
mod executor;
mod host;
mod limits;
mod link;
mod loaded;
mod meter;
mod node;
mod node_actions;
mod pool;
mod process;
mod realms;
mod render;
mod sandbox;
mod scripts;
mod shadow;
mod wire;

pub use crate::actions::{
    ActionOptions, ActionOutcome, ActionRefused, ActionSyscalls, Answer, BytesAnswer, HttpEnd,
    HttpExchange, HttpHead, HttpOutcome, Network, Proxy, RequestBody,
};
pub use crate::analyze::{AnalyzeError, AnalyzedFunction, AnalyzedModule, Position, RouteSpec};
pub use crate::bundle::{
    Bundle, LinkError, ModuleEnvironment, ModuleSource, NodePackage, NodeSettings,
};
pub use crate::call::{
    CallOutcome, CallResult, Foreseen, FunctionKind, Invocation, JsError, LogLevel, LogLine,
    Realms, Reply, Reserved, SyscallError, Syscalls, Usage,
};
pub use crate::host::{Host, HostError, HostOptions, HostStats, Refused};
pub use crate::node_actions::NodeOptions;
pub use crate::realms::{RealmFinding, RealmReport};
