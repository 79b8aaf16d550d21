//! Function paths (sync-and-http 1.6, function-runtime 2.8).

use std::borrow::Cow;
use std::fmt;

pub use lentil_catalog::ComponentPath;

/// Characters of a module path's component, `.js` included, and of a function name.
pub(crate) const COMPONENT_MAX: usize = 64;
/// The export that a path without a function names.
const DEFAULT_FUNCTION: &str = "default";
const EXTENSION: &str = ".js";

/// A canonical function path: module with `.js`, explicit function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionPath {
    /// `dir/mod.js`.
    pub module: String,
    /// `list`, `default`.
    pub function: String,
}

/// A function as figures name it: one of a component with the component's path before it, behind a
/// sign that no module's path has.
pub(crate) fn figured<'a>(
    component: &ComponentPath,
    shown: impl Into<Cow<'a, str>>,
) -> Cow<'a, str> {
    let shown = shown.into();
    match component.is_root() {
        true => shown,
        false => format!("@{component}/{shown}").into(),
    }
}

/// Why a text is not a function path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PathError(pub String);

impl FunctionPath {
    /// Reads any accepted spelling: `messages:list`, `messages.js:list`, `a`.
    pub fn parse(text: &str) -> Result<FunctionPath, PathError> {
        let (module, function) = text.rsplit_once(':').unwrap_or((text, DEFAULT_FUNCTION));
        let wrong = |why: String| {
            PathError(format!(
                "{text:?} is not a function path: {why}. Write it as \"folder/module:function\"."
            ))
        };
        let module = canonical_module(module).map_err(wrong)?;
        check_function(function).map_err(wrong)?;
        Ok(FunctionPath {
            module,
            function: function.to_owned(),
        })
    }
    /// The canonical form: `mod.js:list`.
    pub(crate) fn canonical(&self) -> String {
        format!("{}:{}", self.module, self.function)
    }
    /// Whether the module lies under `_system/`.
    pub fn is_system(&self) -> bool {
        self.module.starts_with("_system/")
    }
    /// The module without `.js`, and the function even if it is the default one: `mod:default`.
    pub fn module_and_function(&self) -> String {
        format!("{}:{}", self.stem(), self.function)
    }

    fn stem(&self) -> &str {
        self.module.strip_suffix(EXTENSION).unwrap_or(&self.module)
    }
}

/// The display form: without `.js` and `:default`.
impl fmt::Display for FunctionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.stem())?;
        if self.function != DEFAULT_FUNCTION {
            write!(f, ":{}", self.function)?;
        }
        Ok(())
    }
}

/// Checks a module path and gives it its `.js`.
fn canonical_module(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the module is missing".to_owned());
    }
    let (folders, last) = match text.rsplit_once('/') {
        Some((folders, last)) => (Some(folders), last),
        None => (None, text),
    };
    let last = match last.rsplit_once('.') {
        // A leading dot begins a hidden file's name and no extension.
        None | Some(("", _)) => format!("{last}{EXTENSION}"),
        Some((_, "js")) => last.to_owned(),
        Some((_, extension)) => {
            return Err(format!(
                "the module has the extension \".{extension}\", only \".js\" or none is allowed"
            ));
        }
    };
    for component in folders.into_iter().flat_map(|folders| folders.split('/')) {
        check_component(component)?;
    }
    check_component(&last)?;
    Ok(match folders {
        Some(folders) => format!("{folders}/{last}"),
        None => last,
    })
}

fn check_component(component: &str) -> Result<(), String> {
    if component.is_empty() {
        return Err("a part of the module's path is empty".to_owned());
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if !component.chars().all(allowed) {
        return Err(format!(
            "{component:?} may contain only letters, digits, underscores and periods"
        ));
    }
    let name = component.strip_suffix(EXTENSION).unwrap_or(component);
    if !name.chars().any(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("{component:?} needs a letter or a digit"));
    }
    if component.len() > COMPONENT_MAX {
        return Err(format!(
            "{component:?} is longer than {COMPONENT_MAX} characters"
        ));
    }
    Ok(())
}

fn check_function(function: &str) -> Result<(), String> {
    if function.is_empty() {
        return Err("the function's name is missing".to_owned());
    }
    if function.len() > COMPONENT_MAX {
        return Err(format!(
            "the function name is longer than {COMPONENT_MAX} characters"
        ));
    }
    let mut chars = function.chars();
    let begins = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !begins || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!(
            "{function:?} is not a function name: letters, digits and underscores, not beginning with a digit"
        ));
    }
    if function.chars().all(|c| c == '_') {
        return Err("the function name needs more than underscores".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str, &str)>) {
        let found = FunctionPath::parse(text).ok();
        let found = found
            .as_ref()
            .map(|path| (&*path.module, &*path.function, path.to_string()));
        let expected =
            expected.map(|(module, function, shown)| (module, function, shown.to_owned()));
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn spellings_have_one_canonical_form() {
        check(
            "messages:list",
            Some(("messages.js", "list", "messages:list")),
        );
        check(
            "messages.js:list",
            Some(("messages.js", "list", "messages:list")),
        );
        check("a", Some(("a.js", "default", "a")));
        check("a:default", Some(("a.js", "default", "a")));
        check("dir/sub/a:f", Some(("dir/sub/a.js", "f", "dir/sub/a:f")));
        check("a.b/c:f", Some(("a.b/c.js", "f", "a.b/c:f")));
        check("1.x.js:_f1", Some(("1.x.js", "_f1", "1.x:_f1")));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            ":f",
            "a:",
            "/a:f",
            "a//b:f",
            "a/:f",
            "../a:f",
            "./a:f",
            "a.ts:f",
            "a.config:f",
            "a b:f",
            "a:1f",
            "a:f-g",
            "a:__",
            "ä:f",
            "a:b:c",
            "a:é",
            "..:f",
            "_:f",
            "-:f",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn lengths_are_of_the_canonical_form() {
        let (longest, longer) = ("m".repeat(61), "m".repeat(62));
        assert!(FunctionPath::parse(&format!("{longest}:f")).is_ok());
        assert!(FunctionPath::parse(&format!("{longer}:f")).is_err());
        assert!(FunctionPath::parse(&format!("{}/a:f", "d".repeat(64))).is_ok());
        assert!(FunctionPath::parse(&format!("{}/a:f", "d".repeat(65))).is_err());
        assert!(FunctionPath::parse(&format!("a:{}", "f".repeat(64))).is_ok());
        assert!(FunctionPath::parse(&format!("a:{}", "f".repeat(65))).is_err());
    }
}
