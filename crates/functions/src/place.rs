//! Where functions act: the component that they belong to.

use lentil_catalog::ComponentPath;
use lentil_database::Namespace;
use lentil_values::DocumentId;

/// A component as its functions act in it. The root app is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Where it is mounted; empty for the root.
    pub component: ComponentPath,
    /// The id by which URLs and tools name it; the root has none.
    pub id: Option<DocumentId>,
    /// The tables that its functions see.
    pub namespace: Namespace,
}

impl Place {
    /// The root app.
    pub const fn root() -> Place {
        Place {
            component: ComponentPath(String::new()),
            id: None,
            namespace: Namespace::ROOT,
        }
    }

    /// Whether it is the root app.
    pub fn is_root(&self) -> bool {
        self.namespace == Namespace::ROOT
    }
}
