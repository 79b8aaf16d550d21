//! All modules of a push: resolve specifiers and exports, and say clearly what does not resolve.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sourcemap::SourceMap;

use super::edits::{Edits, LineIndex, Mapped};
use super::rewrite::{Rejected, Rewritten, Taken, rewrite};
use crate::{LinkError, ModuleEnvironment, ModuleSource};

/// Where an export's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The getter with that number of that module.
    Local(usize, usize),
    /// The namespace object of a module, and what makes two of them one binding: the module that
    /// took it and the number of its variable. For V8 that holds of `export * as` too, where
    /// ECMAScript knows only the module that it is of.
    Namespace(usize, (usize, usize)),
}

/// One name of a module's namespace object.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) target: Target,
}

/// A module, linked.
#[derive(Debug)]
pub(crate) struct LinkedModule {
    pub(crate) path: String,
    pub(crate) environment: ModuleEnvironment,
    /// Text of the script; empty for a Node module, which runs as it was pushed.
    pub(crate) script: String,
    /// Modules it requests, in the order of the script's parameters.
    pub(crate) requests: Vec<usize>,
    /// Names in code unit order.
    pub(crate) exports: Vec<Export>,
    source: Arc<str>,
    source_map_text: Option<Arc<str>>,
    source_map: OnceLock<Option<SourceMap>>,
    lines: LineIndex,
    edits: Edits,
    definitions: HashMap<String, (u32, u32)>,
    /// A shadow check told a kept realm of this module from a fresh one.
    distrusted: AtomicBool,
}

/// A place in an original source file, as a developer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Source path as the source map spells it, or the module's own.
    pub(crate) file: String,
    /// Line and column.
    pub(crate) at: Mapped,
}

impl LinkedModule {
    /// The text as it was pushed.
    pub(crate) fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// From now on its calls get fresh realms.
    pub(crate) fn distrust(&self) {
        self.distrusted.store(true, Ordering::Relaxed);
    }

    /// Whether its calls get fresh realms.
    pub(crate) fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Relaxed)
    }

    fn source_map(&self) -> Option<&SourceMap> {
        self.source_map
            .get_or_init(|| SourceMap::from_slice(self.source_map_text.as_ref()?.as_bytes()).ok())
            .as_ref()
    }

    /// The original place of a position in the script.
    pub(crate) fn place(&self, line: u32, column: u32) -> Place {
        self.place_of(self.edits.original(&self.source, &self.lines, line, column))
    }

    /// The original place of a byte offset of the pushed text.
    fn place_of(&self, offset: u32) -> Place {
        let at = self.lines.locate(&self.source, offset);
        let token = self
            .source_map()
            .and_then(|map| map.lookup_token(at.line, at.column));
        match token.and_then(|token| Some((token, token.get_source()?.to_owned()))) {
            Some((token, file)) => Place {
                file,
                at: Mapped {
                    line: token.get_src_line(),
                    column: token.get_src_col(),
                },
            },
            None => Place {
                file: format!("../convex/{}", self.path),
                at,
            },
        }
    }

    /// The original place of a function of which only the text is known: inside the definition of
    /// the export if it stands there, else its first appearance in the module.
    pub(crate) fn find_function(&self, export: &str, text: &str) -> Option<Place> {
        if text.is_empty() {
            return None;
        }
        if self.environment == ModuleEnvironment::Node {
            let at = u32::try_from(self.source.find(text)?).ok()?;
            return Some(self.place_of(at));
        }
        // Imported names inside the handler read differently in the script, so the search is done
        // in the script, with the definition's range carried over by line.
        let from = self
            .definitions
            .get(export)
            .map_or(0, |(start, _)| self.edits.forward(*start));
        let at = match self.script[from..].find(text) {
            Some(at) => from + at,
            None => self.script.find(text)?,
        };
        let at = LineIndex::default().locate(&self.script, u32::try_from(at).ok()?);
        Some(self.place(at.line, at.column))
    }
}

/// Links all modules.
pub(crate) fn link(modules: Vec<ModuleSource>) -> Result<Vec<LinkedModule>, LinkError> {
    let by_path: HashMap<String, usize> = modules
        .iter()
        .enumerate()
        .map(|(index, module)| (module.path.clone(), index))
        .collect();
    let mut linked = Vec::with_capacity(modules.len());
    let mut parsed = Vec::with_capacity(modules.len());
    for module in modules {
        let (module, rewritten) = parse(module)?;
        linked.push(module);
        parsed.push(rewritten);
    }
    for index in 0..linked.len() {
        let requests = resolve_requests(&linked, index, &parsed[index], &by_path)?;
        linked[index].requests = requests;
    }
    let graph = Graph {
        linked: &linked,
        parsed: &parsed,
    };
    for index in 0..linked.len() {
        graph.check_wanted(index)?;
    }
    let exports = graph.namespaces();
    for (module, exports) in linked.iter_mut().zip(exports) {
        module.exports = exports;
    }
    Ok(linked)
}

fn parse(module: ModuleSource) -> Result<(LinkedModule, Rewritten), LinkError> {
    let mut linked = LinkedModule {
        path: module.path,
        environment: module.environment,
        script: String::new(),
        requests: Vec::new(),
        exports: Vec::new(),
        source: module.source,
        source_map_text: module.source_map,
        source_map: OnceLock::new(),
        lines: LineIndex::default(),
        edits: Edits::default(),
        definitions: HashMap::new(),
        distrusted: AtomicBool::new(false),
    };
    if linked.environment == ModuleEnvironment::Node {
        return Ok((linked, Rewritten::default()));
    }
    let mut rewritten = match rewrite(&linked.source) {
        Ok(rewritten) => rewritten,
        Err(Rejected { offset, message }) => return Err(error_at(&linked, offset, &message)),
    };
    linked.script = std::mem::take(&mut rewritten.script);
    linked.edits = std::mem::take(&mut rewritten.edits);
    linked.definitions = std::mem::take(&mut rewritten.definitions);
    Ok((linked, rewritten))
}

/// `file:line:column: message` and the line in question.
fn error_at(module: &LinkedModule, offset: u32, message: &str) -> LinkError {
    let place = module.place_of(offset);
    let pushed = module.lines.locate(&module.source, offset);
    let file = place.file.trim_start_matches("../");
    let (line, column) = (place.at.line + 1, place.at.column + 1);
    let text = excerpt(
        module.lines.text(&module.source, pushed.line),
        pushed.column,
    );
    LinkError {
        path: module.path.clone(),
        message: format!("{file}:{line}:{column}: {message}\n{text}"),
    }
}

/// At most eighty characters of a line around a column, and a caret below.
fn excerpt(line: &str, column: u32) -> String {
    let skip = (column as usize).saturating_sub(40);
    let text: String = line.chars().skip(skip).take(80).collect();
    let pad = " ".repeat(column as usize - skip);
    format!("  | {text}\n  | {pad}^")
}

/// Path that a specifier means inside `from`, if it can mean one.
fn resolve_specifier(from: &str, specifier: &str) -> Option<String> {
    // Modules of the server itself.
    let specifier = specifier.strip_prefix("convex:").unwrap_or(specifier);
    let mut parts: Vec<&str> = match specifier.as_bytes().first()? {
        b'/' => Vec::new(),
        b'.' => from
            .rsplit_once('/')
            .map_or(Vec::new(), |(folder, _)| folder.split('/').collect()),
        _ => return None,
    };
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn resolve_requests(
    linked: &[LinkedModule],
    index: usize,
    parsed: &Rewritten,
    by_path: &HashMap<String, usize>,
) -> Result<Vec<usize>, LinkError> {
    let module = &linked[index];
    let mut out = Vec::with_capacity(parsed.requests.len());
    for (specifier, offset) in &parsed.requests {
        let path = resolve_specifier(&module.path, specifier);
        let found = path.and_then(|path| {
            by_path
                .get(&path)
                .or_else(|| by_path.get(&format!("{path}.js")))
        });
        match found {
            Some(target) if linked[*target].environment == ModuleEnvironment::Isolate => {
                out.push(*target)
            }
            Some(_) => {
                let message =
                    format!("'{specifier}' is a \"use node\" module and cannot be imported here");
                return Err(error_at(module, *offset, &message));
            }
            None => {
                let message = format!(
                    "Couldn't find JavaScript module '{specifier}'. Run `npx convex dev` or `npx convex deploy` \
                     to push all modules; modules of Node.js itself need \"use node\""
                );
                return Err(error_at(module, *offset, &message));
            }
        }
    }
    Ok(out)
}

struct Graph<'a> {
    linked: &'a [LinkedModule],
    parsed: &'a [Rewritten],
}

/// Exports by name, in code unit order.
type Names = BTreeMap<Vec<u16>, Export>;

/// ResolveExport of the ECMAScript specification.
enum Resolution {
    Found(Target),
    Missing,
    Ambiguous,
}

impl Graph<'_> {
    fn check_wanted(&self, index: usize) -> Result<(), LinkError> {
        for (request, name, offset) in &self.parsed[index].wanted {
            let target = self.linked[index].requests[*request];
            let specifier = &self.parsed[index].requests[*request].0;
            let message = match self.resolve(target, name, &mut BTreeSet::new()) {
                Resolution::Found(_) => continue,
                Resolution::Missing => {
                    format!(
                        "SyntaxError: The requested module '{specifier}' does not provide an export named '{name}'"
                    )
                }
                Resolution::Ambiguous => {
                    format!(
                        "SyntaxError: The requested module '{specifier}' contains conflicting star exports for \
                         name '{name}'"
                    )
                }
            };
            return Err(error_at(&self.linked[index], *offset, &message));
        }
        Ok(())
    }

    fn resolve(
        &self,
        index: usize,
        name: &str,
        seen: &mut BTreeSet<(usize, String)>,
    ) -> Resolution {
        if !seen.insert((index, name.to_owned())) {
            return Resolution::Missing;
        }
        let parsed = &self.parsed[index];
        if let Some((_, getter)) = parsed.locals.iter().find(|(known, _)| known == name) {
            return Resolution::Found(Target::Local(index, *getter));
        }
        if let Some((_, request, taken)) =
            parsed.indirect.iter().find(|(known, _, _)| known == name)
        {
            let target = self.linked[index].requests[*request];
            return match taken {
                Taken::Namespace(number) => {
                    Resolution::Found(Target::Namespace(target, (index, *number)))
                }
                Taken::Name(taken) => self.resolve(target, taken, seen),
            };
        }
        if name == "default" {
            return Resolution::Missing;
        }
        let mut found: Option<Target> = None;
        for request in &parsed.stars {
            match self.resolve(self.linked[index].requests[*request], name, seen) {
                Resolution::Ambiguous => return Resolution::Ambiguous,
                Resolution::Missing => {}
                Resolution::Found(target) if found.is_some_and(|known| known != target) => {
                    return Resolution::Ambiguous;
                }
                Resolution::Found(target) => found = Some(target),
            }
        }
        found.map_or(Resolution::Missing, Resolution::Found)
    }

    /// What the namespace objects show.
    ///
    /// Collected as V8 does it: each module adds what its stars show to what it exports itself, and
    /// leaves out what they do not agree on. So a name that is in conflict further down is as good
    /// as absent there, where ECMAScript has it in conflict here too (and so has V8 if it is
    /// imported by name).
    fn namespaces(&self) -> Vec<Vec<Export>> {
        let modules = 0..self.linked.len();
        let mut shown: Vec<Names> = modules.clone().map(|index| self.own(index)).collect();
        for index in modules {
            // Inside a cycle what was added to the others may not be all: they have their own turn.
            self.add_stars(index, &mut BTreeSet::new(), &mut shown);
        }
        let exports = |names: Names| names.into_values().collect();
        shown.into_iter().map(exports).collect()
    }

    fn own(&self, index: usize) -> Names {
        let parsed = &self.parsed[index];
        let locals = parsed.locals.iter().map(|(name, _)| name);
        let names = locals.chain(parsed.indirect.iter().map(|(name, _, _)| name));
        let resolve = |name: &String| match self.resolve(index, name, &mut BTreeSet::new()) {
            Resolution::Found(target) => {
                let name = name.clone();
                Some((name.encode_utf16().collect(), Export { name, target }))
            }
            Resolution::Missing | Resolution::Ambiguous => None,
        };
        names.filter_map(resolve).collect()
    }

    fn add_stars(&self, index: usize, seen: &mut BTreeSet<usize>, shown: &mut [Names]) {
        if !seen.insert(index) {
            return;
        }
        // Nothing where they do not agree.
        let mut more: BTreeMap<Vec<u16>, Option<Export>> = BTreeMap::new();
        for request in &self.parsed[index].stars {
            let other = self.linked[index].requests[*request];
            self.add_stars(other, seen, shown);
            for (key, export) in &shown[other] {
                if export.name == "default" || shown[index].contains_key(key) {
                    continue;
                }
                let known = more.entry(key.clone()).or_insert(Some(export.clone()));
                if known.as_ref().is_some_and(|it| it.target != export.target) {
                    *known = None;
                }
            }
        }
        let agreed = more.into_iter().filter_map(|(key, it)| Some((key, it?)));
        shown[index].extend(agreed);
    }
}
