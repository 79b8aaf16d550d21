//! The write barrier: what a script tells its realm before it may change something that is older
//! than the call in progress, so that the realm can put it back after the call, and is kept only
//! if nothing old remains changed.
//!
//! *Old* is what exists when a module graph has been evaluated; whatever a call makes is young.
//! A store into a young thing is nobody's business. So every store that is not provably into a
//! young thing of the running activation is told to the realm (`executor/realm/barrier.js`), which
//! knows what is old:
//!
//! * `o.p = v` becomes `$L.w(o).p = v`;
//! * an assignment to a variable of an enclosing function or of the module becomes
//!   `($Lm1===$L.e||($Lm1=$L.b(()=>x,$Lv=>x=$Lv)),x = v)`: the mark of a variable says in which
//!   epoch (evaluation, or call) it was made or noted last;
//! * of what cannot be put back `$L.a` says that it changed.
//!
//! What is old is found by walking from the globals, and from the variables that functions have
//! captured: scopes that closures may keep alive show them with `$L.s([() => x])`, private fields
//! with `$L.c`, both only while modules are evaluated. ADR 0010 says why this is enough.

use std::collections::{HashMap, HashSet};

use oxc_ast::ast::*;
use oxc_ast_visit::Visit;
use oxc_semantic::Scoping;
use oxc_span::Span;
use oxc_syntax::scope::ScopeId;
use oxc_syntax::symbol::SymbolId;

use super::edits::Edits;

mod collect;
mod edit;

/// A stretch of code that runs as one: a module, a function, a static block, a field's initialiser.
#[derive(Debug, Default)]
struct Activation {
    parent: usize,
    kind: Kind,
    span: Span,
    params: Span,
    /// Whether statements can be put at its start.
    has_body: bool,
    asynchronous: bool,
    /// An arrow function in it uses its `this`, `super`, `arguments` or `new.target`.
    lends_this: bool,
    lends_arguments: bool,
    /// Of its own variables, and not those of blocks in it.
    scope: Option<ScopeId>,
    /// Functions inside assign to variables of its blocks: they have to know when it was entered.
    epoch: bool,
    /// Its variables to which functions inside assign; each has a mark.
    marked: Vec<SymbolId>,
    /// It has captured variables that cannot be shown.
    opaque: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Module,
    Function,
    /// The constructor of a class that extends nothing: its `this` is new.
    BaseConstructor,
    DerivedConstructor,
    Arrow,
    Static,
    Field {
        of_class: bool,
    },
}

/// What is to be done before a variable is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noting {
    /// It is the running activation's own.
    Needless,
    /// Its mark says whether it has to be noted.
    Marked,
    /// Every time, if that activation was entered before the call (of the module's: always): the
    /// variable is one of many with its name, as those of loops are.
    Each(usize),
    /// It is a global.
    Never,
}

/// A mention of a variable in another activation than its own.
#[derive(Debug)]
struct Capture {
    symbol: SymbolId,
    by: usize,
    offset: u32,
    written: bool,
}

/// What a first walk finds out.
#[derive(Debug, Default)]
struct Facts {
    activations: Vec<Activation>,
    /// The activation in which a variable lives.
    owners: HashMap<SymbolId, usize>,
    captures: Vec<Capture>,
    /// Variables that hold a literal object or array and nothing else, ever.
    literals: HashSet<SymbolId>,
    /// Where the variables of a scope can be shown; of loops, the body in which they are used.
    scopes: HashMap<ScopeId, Option<Span>>,
    /// Captured variables by scope.
    shown: HashMap<ScopeId, Vec<String>>,
    /// The module does what the barrier does not see.
    opaque: bool,
}

/// What a script has to begin with.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Before anything of it can be called.
    pub(super) declarations: String,
    /// When its module is evaluated.
    pub(super) statements: String,
}

/// Adds the barrier to the edits of a module.
pub(super) fn erect(program: &Program, scoping: &Scoping, base: &str, edits: &mut Edits) -> Entry {
    let mut collector = collect::Collector::new(scoping);
    collector.visit_program(program);
    let mut facts = collector.finish();
    facts.resolve(scoping);
    let mut prefix = String::new();
    if facts.opaque || facts.activations[0].opaque {
        prefix.push_str(&format!("{base}.o();"));
    }
    if let Some(names) = program.scope_id.get().and_then(|id| facts.shown.get(&id)) {
        prefix.push_str(&format!("{base}.s({});", getters(names)));
    }
    let declarations = marks(&facts.activations[0], base, "0");
    let mut editor = edit::Editor::new(&facts, scoping, base, edits);
    editor.visit_program(program);
    Entry {
        declarations,
        statements: prefix,
    }
}

/// Declares the marks of an activation's variables.
fn marks(activation: &Activation, base: &str, first: &str) -> String {
    let each: Vec<String> = activation
        .marked
        .iter()
        .map(|symbol| format!("{}={first}", mark(base, *symbol)))
        .collect();
    if each.is_empty() {
        return String::new();
    }
    format!("let {};", each.join(","))
}

fn mark(base: &str, symbol: SymbolId) -> String {
    format!("{base}m{}", symbol.index())
}

/// `[()=>a,()=>b]`
fn getters(names: &[String]) -> String {
    let each: Vec<String> = names.iter().map(|name| format!("()=>{name}")).collect();
    format!("[{}]", each.join(","))
}

impl Facts {
    /// Decides what has to be shown where, and which assignments need an epoch.
    fn resolve(&mut self, scoping: &Scoping) {
        for capture in std::mem::take(&mut self.captures) {
            let Some(&owner) = self.owners.get(&capture.symbol) else {
                continue;
            };
            if owner == capture.by {
                continue;
            }
            let scope = scoping.symbol_scope_id(capture.symbol);
            let name = scoping.symbol_name(capture.symbol).to_owned();
            match self.scopes.get(&scope) {
                Some(None) => self.show(scope, name),
                Some(Some(body)) if body.contains_inclusive(at(capture.offset)) => {
                    self.show(scope, name);
                }
                _ => self.activations[owner].opaque = true,
            }
            if self.in_params(owner, capture.by) {
                // A body may have another variable of that name.
                self.activations[owner].opaque = true;
            } else if capture.written {
                match self.noting(capture.symbol, capture.by, scoping) {
                    Noting::Marked => {
                        let marked = &mut self.activations[owner].marked;
                        if !marked.contains(&capture.symbol) {
                            marked.push(capture.symbol);
                        }
                    }
                    Noting::Each(owner) if owner != 0 => self.activations[owner].epoch = true,
                    _ => {}
                }
            }
        }
        let is_field = |one: &Activation| matches!(one.kind, Kind::Field { .. });
        // Nothing can be put at the start of an initialiser.
        self.opaque |= self
            .activations
            .iter()
            .any(|one| one.opaque && is_field(one));
    }

    fn show(&mut self, scope: ScopeId, name: String) {
        let names = self.shown.entry(scope).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// The activation directly inside `owner` that contains `by`, or is it.
    fn inside(&self, owner: usize, by: usize) -> &Activation {
        let mut inner = by;
        while inner != 0 && self.activations[inner].parent != owner {
            inner = self.activations[inner].parent;
        }
        &self.activations[inner]
    }

    fn in_params(&self, owner: usize, by: usize) -> bool {
        let params = self.activations[owner].params;
        owner != 0 && params.contains_inclusive(self.inside(owner, by).span)
    }

    /// How code in `by` notes a variable before it assigns it.
    fn noting(&self, symbol: SymbolId, by: usize, scoping: &Scoping) -> Noting {
        let Some(&owner) = self.owners.get(&symbol) else {
            return Noting::Never;
        };
        let activation = &self.activations[owner];
        if owner == by {
            Noting::Needless
        } else if !activation.has_body || self.in_params(owner, by) {
            // Nothing that is declared in a body is seen there.
            Noting::Each(0)
        } else if activation.scope == Some(scoping.symbol_scope_id(symbol)) {
            Noting::Marked
        } else {
            Noting::Each(owner)
        }
    }

    /// The activation whose `this` is seen in `from`.
    fn this_of(&self, from: usize) -> usize {
        let mut found = from;
        while self.activations[found].kind == Kind::Arrow {
            found = self.activations[found].parent;
        }
        found
    }
}

fn at(offset: u32) -> Span {
    Span::new(offset, offset)
}
