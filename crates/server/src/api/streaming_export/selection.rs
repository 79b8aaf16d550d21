//! Which tables and columns a reader wants.

use std::collections::BTreeMap;

use lentil_catalog::Components;
use lentil_values::Object;
use serde_json::Value as Json;

use super::{TableAt, Which};
use crate::errors::ApiError;

/// The member that stands for all that are not named.
const OTHERS: &str = "_other";

/// A choice of components, tables and columns.
#[derive(Debug)]
pub(super) struct Selection {
    tree: Node,
    /// A component that is chosen by its path, which must be one.
    component: Option<String>,
}

/// What is chosen below some point of the tree of components, tables and columns.
#[derive(Clone, Debug)]
enum Node {
    All,
    None,
    Some {
        named: BTreeMap<String, Node>,
        others: Box<Node>,
    },
}

impl Node {
    fn only(name: String, node: Node) -> Node {
        Node::Some {
            named: BTreeMap::from([(name, node)]),
            others: Box::new(Node::None),
        }
    }

    fn read(json: &Json) -> Option<Node> {
        match json {
            Json::Bool(true) => Some(Node::All),
            Json::Bool(false) => Some(Node::None),
            Json::String(text) if text == "included" => Some(Node::All),
            Json::String(text) if text == "excluded" => Some(Node::None),
            Json::Object(members) => {
                let mut named = BTreeMap::new();
                let mut others = Node::None;
                for (name, json) in members {
                    let node = Node::read(json)?;
                    if name == OTHERS {
                        others = node;
                    } else {
                        named.insert(name.clone(), node);
                    }
                }
                let others = Box::new(others);
                Some(Node::Some { named, others })
            }
            _ => None,
        }
    }

    fn of(&self, name: &str) -> &Node {
        match self {
            Node::Some { named, others } => named.get(name).unwrap_or(others),
            all_or_none => all_or_none,
        }
    }
}

impl Selection {
    /// Reads the parameters; nothing means everything.
    pub(super) fn read(which: Which) -> Result<Selection, ApiError> {
        let refuse = |why: &str| Err(ApiError::bad_request("InvalidSelection", why));
        let component = which.component.clone().filter(|path| !path.is_empty());
        let tree = match which {
            Which {
                selection: Some(_),
                table_name: Some(_),
                ..
            } => return refuse("give `selection` or `tableName`, not both"),
            Which {
                selection: Some(selection),
                ..
            } => {
                // In a query it is a text.
                let read = match &selection {
                    Json::String(text) => serde_json::from_str(text).ok(),
                    json => Some(json.clone()),
                };
                match read.as_ref().and_then(Node::read) {
                    Some(node) => node,
                    None => {
                        return refuse(
                            "`selection` must be a tree of components, tables and columns whose leaves are \
                             \"included\" or \"excluded\"",
                        );
                    }
                }
            }
            Which {
                table_name: Some(table),
                component,
                ..
            } => Node::only(component.unwrap_or_default(), Node::only(table, Node::All)),
            Which {
                component: Some(component),
                ..
            } => Node::only(component, Node::All),
            _ => Node::All,
        };
        Ok(Selection { tree, component })
    }

    /// Refuses a component that is not there.
    pub(super) fn check(&self, components: &Components) -> Result<(), ApiError> {
        match &self.component {
            Some(path) if components.by_path(path).is_none() => Err(ApiError::bad_request(
                "ComponentNotFound",
                format!(
                    "there is no component at {path:?}; leave `component` out to read the whole deployment"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Whether anything of a table is wanted.
    pub(super) fn has(&self, (component, table): TableAt) -> bool {
        !matches!(self.tree.of(component).of(table), Node::None)
    }

    /// Leaves the columns that are wanted, and the id.
    pub(super) fn columns(&self, (component, table): TableAt, fields: Object) -> Object {
        let node = self.tree.of(component).of(table);
        if matches!(node, Node::All) {
            return fields;
        }
        let wanted = |name: &str| name == "_id" || !matches!(node.of(name), Node::None);
        fields
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lentil_values::Value;
    use serde_json::json;

    fn select(json: Json) -> Selection {
        let which: Which = serde_json::from_value(json).expect("parameters");
        Selection::read(which).expect("good")
    }

    #[test]
    fn trees_choose_tables_and_columns() {
        let fields = || -> Object {
            let names = ["_id", "a", "b"];
            names
                .into_iter()
                .map(|name| (name.to_owned(), Value::Null))
                .collect()
        };
        let names = |selection: &Selection, at: TableAt| -> Vec<String> {
            selection.columns(at, fields()).into_keys().collect()
        };
        let has = |selection: &Selection, at: TableAt| selection.has(at);
        let all = select(json!({}));
        assert!(has(&all, ("", "t")) && has(&all, ("a/b", "t")));
        assert_eq!(names(&all, ("", "t")), ["_id", "a", "b"]);
        let one = select(json!({ "tableName": "t" }));
        assert!(has(&one, ("", "t")) && !has(&one, ("", "u")) && !has(&one, ("a", "t")));
        let elsewhere = select(json!({ "component": "a/b" }));
        assert!(!has(&elsewhere, ("", "t")) && !has(&elsewhere, ("a", "t")));
        assert!(has(&elsewhere, ("a/b", "t")) && has(&elsewhere, ("a/b", "u")));
        let both = select(json!({ "component": "a", "tableName": "t" }));
        assert!(has(&both, ("a", "t")) && !has(&both, ("a", "u")) && !has(&both, ("", "t")));
        let root = select(json!({ "component": "" }));
        assert!(has(&root, ("", "t")) && !has(&root, ("a", "t")));
        let tree = json!({
            "": { "t": { "a": "included" }, "u": "excluded", "_other": "included" },
            "a/b": { "t": { "b": "included" } },
        });
        for selection in [
            select(json!({ "selection": tree })),
            select(json!({ "selection": tree.to_string() })),
        ] {
            assert!(has(&selection, ("", "t")) && !has(&selection, ("", "u")));
            assert!(has(&selection, ("", "w")) && !has(&selection, ("a/b", "w")));
            assert!(
                !has(&selection, ("a", "t")),
                "what is not named is left out"
            );
            assert_eq!(names(&selection, ("", "t")), ["_id", "a"]);
            assert_eq!(names(&selection, ("a/b", "t")), ["_id", "b"]);
        }
        for wrong in [
            json!("x"),
            json!({ "": 5 }),
            json!({ "": { "t": "maybe" } }),
        ] {
            let which = serde_json::from_value(json!({ "selection": wrong })).expect("parameters");
            assert!(Selection::read(which).is_err(), "{wrong}");
        }
    }
}
