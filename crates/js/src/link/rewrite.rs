//! One module: parse it, find what it imports and exports, and edit it into a script.

use std::collections::HashMap;

use oxc_allocator::Allocator;
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_semantic::{Scoping, SemanticBuilder};
use oxc_span::{GetSpan, SourceType, Span};
use oxc_syntax::scope::ScopeFlags;
use oxc_syntax::symbol::SymbolId;

use super::barrier;
use super::edits::Edits;

/// What an import or a re-export takes from a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Taken {
    /// One export.
    Name(String),
    /// The namespace object, in the variable of the module that has this number.
    Namespace(usize),
}

/// A module after parsing, before its imports are resolved.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    /// The script.
    pub(super) script: String,
    /// How it came about.
    pub(super) edits: Edits,
    /// Specifiers in order of first mention, each with the byte offset of the mention.
    pub(super) requests: Vec<(String, u32)>,
    /// Exported names whose bindings are here, each with the number of its getter in what the
    /// script yields: a binding has one, under however many names it is exported.
    pub(super) locals: Vec<(String, usize)>,
    /// Exported name, request, what it takes.
    pub(super) indirect: Vec<(String, usize, Taken)>,
    /// Requests of `export *`.
    pub(super) stars: Vec<usize>,
    /// Request, name, byte offset: imports that must exist.
    pub(super) wanted: Vec<(usize, String, u32)>,
    /// Where each local export's binding is initialised (byte range), for positions in analysis.
    pub(super) definitions: HashMap<String, (u32, u32)>,
}

/// Why a module cannot become a script.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) offset: u32,
    pub(super) message: String,
}

/// Parses and rewrites.
pub(super) fn rewrite(source: &str) -> Result<Rewritten, Rejected> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::mjs()).parse();
    if let Some(error) = parsed.diagnostics.errors().next() {
        let offset = error.labels.first().map_or(0, |label| label.offset());
        return Err(syntax_error(offset, &error.message));
    }
    let program = allocator_program(&allocator, parsed.program);
    let analysed = SemanticBuilder::new()
        .with_check_syntax_error(true)
        .build(program);
    if let Some(error) = analysed.diagnostics.errors().next() {
        let offset = error.labels.first().map_or(0, |label| label.offset());
        return Err(syntax_error(offset, &error.message));
    }
    let mut rewriter = Rewriter::new(source, analysed.semantic.scoping());
    // First, so that at one place what it inserts comes outside of what is rewritten.
    rewriter.entry = barrier::erect(
        program,
        analysed.semantic.scoping(),
        &rewriter.base,
        &mut rewriter.edits,
    );
    rewriter.collect_imports(program);
    rewriter.collect_definitions(program);
    if let Some(hashbang) = &program.hashbang {
        rewriter
            .edits
            .replace(source, hashbang.span.start, hashbang.span.start + 2, "//");
    }
    rewriter.visit_program(program);
    rewriter.finish()
}

fn allocator_program<'a>(allocator: &'a Allocator, program: Program<'a>) -> &'a Program<'a> {
    allocator.alloc(program)
}

fn syntax_error(offset: impl TryInto<u32>, message: &str) -> Rejected {
    Rejected {
        offset: offset.try_into().unwrap_or(0),
        message: format!("SyntaxError: {message}"),
    }
}

struct Rewriter<'s> {
    source: &'s str,
    scoping: &'s Scoping,
    base: String,
    edits: Edits,
    /// What the script does before and after it has yielded its getters.
    entry: barrier::Entry,
    out: Rewritten,
    /// Import bindings: request and what they take.
    imports: HashMap<SymbolId, (usize, Taken)>,
    /// Binding name to the span of its initialiser or declaration (top level only).
    initialisers: HashMap<String, Span>,
    getters: Vec<String>,
    /// Numbers of getters, by the name of the binding.
    getter_of: HashMap<String, usize>,
    /// How many variables hold namespace objects, those of `export * as` included.
    namespaces: usize,
    /// Starts of expression statements.
    statement_start: u32,
    names_default: bool,
    depth: u32,
    /// The same without arrow functions: outside of all, `arguments` is nobody's.
    functions: u32,
    rejected: Option<Rejected>,
}

impl<'s> Rewriter<'s> {
    fn new(source: &'s str, scoping: &'s Scoping) -> Self {
        let mut base = String::from("$L");
        while source.contains(&base) {
            base.push('_');
        }
        Rewriter {
            source,
            scoping,
            base,
            edits: Edits::default(),
            entry: barrier::Entry::default(),
            out: Rewritten::default(),
            imports: HashMap::new(),
            initialisers: HashMap::new(),
            getters: Vec::new(),
            getter_of: HashMap::new(),
            namespaces: 0,
            statement_start: u32::MAX,
            names_default: false,
            depth: 0,
            functions: 0,
            rejected: None,
        }
    }

    fn request(&mut self, source: &StringLiteral) -> usize {
        let specifier = source.value.as_str();
        if let Some(found) = self
            .out
            .requests
            .iter()
            .position(|(known, _)| known == specifier)
        {
            return found;
        }
        self.out
            .requests
            .push((specifier.to_owned(), source.span.start));
        self.out.requests.len() - 1
    }

    /// Imports are hoisted: requests in statement order, bindings known before any use is seen.
    fn collect_imports(&mut self, program: &Program) {
        for statement in &program.body {
            match statement {
                Statement::ImportDeclaration(import) => self.collect_import(import),
                Statement::ExportAllDeclaration(export) => {
                    self.request(&export.source);
                }
                Statement::ExportFromDeclaration(export) => {
                    self.request(&export.source);
                }
                _ => {}
            }
        }
    }

    fn collect_import(&mut self, import: &ImportDeclaration) {
        let request = self.request(&import.source);
        for specifier in import.specifiers.iter().flatten() {
            let (local, taken) = match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(one) => {
                    (&one.local, Taken::Name(export_name(&one.imported)))
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                    (&one.local, Taken::Name("default".to_owned()))
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => {
                    (&one.local, self.take_namespace())
                }
            };
            if let Taken::Name(name) = &taken {
                self.out
                    .wanted
                    .push((request, name.clone(), specifier.span().start));
            }
            if let Some(symbol) = local.symbol_id.get() {
                self.imports.insert(symbol, (request, taken));
            }
        }
    }

    fn take_namespace(&mut self) -> Taken {
        self.namespaces += 1;
        Taken::Namespace(self.namespaces)
    }

    fn collect_definitions(&mut self, program: &Program) {
        for statement in &program.body {
            match statement {
                Statement::VariableDeclaration(declaration) => self.define_variables(declaration),
                Statement::FunctionDeclaration(function) => {
                    self.define(function.id.as_ref(), function.span)
                }
                Statement::ExportDeclaration(export) => {
                    if let Declaration::VariableDeclaration(declaration) = &export.declaration {
                        self.define_variables(declaration);
                    }
                }
                _ => {}
            }
        }
    }

    fn define(&mut self, name: Option<&BindingIdentifier>, span: Span) {
        if let Some(name) = name {
            self.initialisers.insert(name.name.to_string(), span);
        }
    }

    fn define_variables(&mut self, declaration: &VariableDeclaration) {
        for declarator in &declaration.declarations {
            if let BindingPattern::BindingIdentifier(name) = &declarator.id {
                self.define(Some(name), declarator.span);
            }
        }
    }

    fn export_local(&mut self, exported: String, binding: &str) {
        if let Some(span) = self.initialisers.get(binding) {
            self.out
                .definitions
                .insert(exported.clone(), (span.start, span.end));
        }
        let next = self.getters.len();
        let number = *self.getter_of.entry(binding.to_owned()).or_insert(next);
        if number == next {
            self.getters.push(format!("()=>{binding}"));
        }
        self.out.locals.push((exported, number));
    }

    fn import_of(&self, ident: &IdentifierReference) -> Option<&(usize, Taken)> {
        let reference = self.scoping.get_reference(ident.reference_id.get()?);
        self.imports.get(&reference.symbol_id()?)
    }

    /// The text that stands for an imported binding.
    fn access(&self, (request, taken): &(usize, Taken)) -> String {
        let base = &self.base;
        match taken {
            Taken::Namespace(_) => format!("{base}{request}"),
            // V8 takes `for (ns.async of …)` for one over a variable of that name, and refuses it.
            Taken::Name(name) if is_plain(name) && name != "async" => {
                format!("{base}{request}.{name}")
            }
            Taken::Name(name) => format!(
                "{base}{request}[{}]",
                serde_json::Value::from(name.as_str())
            ),
        }
    }

    /// What is to stand for an identifier, if something is.
    fn stand_in(&self, ident: &IdentifierReference) -> Option<String> {
        if let Some(import) = self.import_of(ident) {
            let access = self.access(import);
            let reference = ident
                .reference_id
                .get()
                .map(|id| self.scoping.get_reference(id));
            // Exports have no setters; a namespace object is a parameter, and would take a value.
            let lost = matches!(import.1, Taken::Namespace(_))
                && reference.is_some_and(|it| it.is_write());
            return Some(match lost {
                true => format!("{}.n({access}).v", self.base),
                false => access,
            });
        }
        // The script is a function, the module is none: its arguments are not there.
        let absent = ident.name == "arguments" && self.functions == 0;
        absent.then(|| format!("{}arguments", self.base))
    }

    /// An imported function that is called must see `this` undefined.
    fn edit_callee(&mut self, callee: &Expression) -> bool {
        // `(f)()` is no different.
        let Expression::Identifier(ident) = callee.without_parentheses() else {
            return false;
        };
        let Some(import) = self.import_of(ident) else {
            return false;
        };
        let access = self.access(import);
        // A statement that began with an identifier must not begin with a parenthesis: the
        // statement before it may rely on automatic semicolons.
        let text = if ident.span.start == self.statement_start {
            format!("{}.i({access})", self.base)
        } else {
            format!("(0,{access})")
        };
        self.edits
            .replace(self.source, ident.span.start, ident.span.end, text);
        true
    }

    fn reject_await(&mut self, span: Span) {
        if self.depth == 0 && self.rejected.is_none() {
            self.rejected = Some(Rejected {
                offset: span.start,
                message: "top-level await is not supported: move the await into a function"
                    .to_owned(),
            });
        }
    }

    fn finish(mut self) -> Result<Rewritten, Rejected> {
        if let Some(rejected) = self.rejected {
            return Err(rejected);
        }
        let base = &self.base;
        let mut params = base.clone();
        for request in 0..self.out.requests.len() {
            params.push_str(&format!(",{base}{request}"));
        }
        let name = if self.names_default {
            format!("{base}.d({base}d);")
        } else {
            String::new()
        };
        let prefix = format!(
            "\"use strict\";(function*({params}){{{}{name}yield[{}];{}",
            self.entry.declarations,
            self.getters.join(","),
            self.entry.statements
        );
        self.out.script = self.edits.apply(self.source, &prefix, "\n})");
        self.out.edits = self.edits;
        Ok(self.out)
    }

    fn export_default_class(&mut self, export: &ExportDefaultDeclaration, value: Span) {
        let opening = format!(";const {}d={{default:", self.base);
        self.edits
            .replace(self.source, export.span.start, value.start, opening);
        self.edits.insert(value.end, "}.default;");
        self.out
            .definitions
            .insert("default".to_owned(), (value.start, value.end));
        let binding = format!("{}d", self.base);
        self.export_local("default".to_owned(), &binding);
    }
}

fn export_name(name: &ModuleExportName) -> String {
    name.name().to_string()
}

/// Whether `ns.<name>` is well-formed without looking at Unicode tables.
fn is_plain(name: &str) -> bool {
    let ok = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(ok)
}

impl<'a> Visit<'a> for Rewriter<'_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if let Some(text) = self.stand_in(it) {
            self.edits
                .replace(self.source, it.span.start, it.span.end, text);
        }
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if self.edit_callee(&it.callee) {
            self.visit_arguments(&it.arguments);
        } else {
            walk::walk_call_expression(self, it);
        }
    }

    fn visit_tagged_template_expression(&mut self, it: &TaggedTemplateExpression<'a>) {
        if self.edit_callee(&it.tag) {
            self.visit_template_literal(&it.quasi);
        } else {
            walk::walk_tagged_template_expression(self, it);
        }
    }

    fn visit_object_property(&mut self, it: &ObjectProperty<'a>) {
        if it.shorthand
            && let Expression::Identifier(ident) = &it.value
        {
            if let Some(text) = self.stand_in(ident) {
                self.edits.insert(ident.span.end, format!(":{text}"));
            }
            return;
        }
        walk::walk_object_property(self, it);
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        it: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        if let Some(text) = self.stand_in(&it.binding) {
            self.edits.insert(it.binding.span.end, format!(":{text}"));
        }
        if let Some(init) = &it.init {
            self.visit_expression(init);
        }
    }

    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        self.statement_start = it.span.start;
        walk::walk_expression_statement(self, it);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        let start = it.span.start;
        let text = format!("{}.m", self.base);
        self.edits.replace(self.source, start, start + 6, text);
        walk::walk_import_expression(self, it);
    }

    fn visit_import_meta(&mut self, it: &ImportMeta) {
        let text = format!("{}.t()", self.base);
        self.edits
            .replace(self.source, it.span.start, it.span.end, text);
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        // `a<!--b` is a comment in a script, and not in a module.
        let right = it.right.span().start;
        let bytes = self.source.as_bytes();
        if right > 0
            && bytes[right as usize - 1] == b'<'
            && self.source[right as usize..].starts_with("!--")
        {
            self.edits.insert(right, " ");
        }
        walk::walk_binary_expression(self, it);
    }

    fn visit_await_expression(&mut self, it: &AwaitExpression<'a>) {
        self.reject_await(it.span);
        walk::walk_await_expression(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        if it.r#await {
            self.reject_await(it.span);
        }
        walk::walk_for_of_statement(self, it);
    }

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        if it.kind == VariableDeclarationKind::AwaitUsing {
            self.reject_await(it.span);
        }
        walk::walk_variable_declaration(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.depth += 1;
        self.functions += 1;
        walk::walk_function(self, it, flags);
        self.functions -= 1;
        self.depth -= 1;
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.depth += 1;
        walk::walk_arrow_function_expression(self, it);
        self.depth -= 1;
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.edits
            .replace(self.source, it.span.start, it.span.end, ";");
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        let request = self.request(&it.source);
        match &it.exported {
            Some(name) => {
                let taken = self.take_namespace();
                self.out.indirect.push((export_name(name), request, taken));
            }
            None => self.out.stars.push(request),
        }
        self.edits
            .replace(self.source, it.span.start, it.span.end, ";");
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        let request = self.request(&it.source);
        for specifier in &it.specifiers {
            let taken = export_name(&specifier.local);
            self.out
                .wanted
                .push((request, taken.clone(), specifier.span.start));
            self.out.indirect.push((
                export_name(&specifier.exported),
                request,
                Taken::Name(taken),
            ));
        }
        self.edits
            .replace(self.source, it.span.start, it.span.end, ";");
    }

    fn visit_export_named_declaration(&mut self, it: &ExportNamedDeclaration<'a>) {
        for specifier in &it.specifiers {
            let exported = export_name(&specifier.exported);
            let import = match &specifier.local {
                ModuleExportName::IdentifierReference(ident) => self.import_of(ident).cloned(),
                _ => None,
            };
            match import {
                Some((request, taken)) => self.out.indirect.push((exported, request, taken)),
                None => self.export_local(exported, &export_name(&specifier.local)),
            }
        }
        self.edits
            .replace(self.source, it.span.start, it.span.end, ";");
    }

    fn visit_export_declaration(&mut self, it: &ExportDeclaration<'a>) {
        self.edits
            .replace(self.source, it.span.start, it.declaration.span().start, ";");
        let mut names = Vec::new();
        match &it.declaration {
            Declaration::VariableDeclaration(declaration) => {
                for declarator in &declaration.declarations {
                    let ids = declarator.id.get_binding_identifiers();
                    names.extend(ids.iter().map(|id| id.name.to_string()));
                }
            }
            Declaration::FunctionDeclaration(function) => {
                names.extend(function.id.iter().map(|id| id.name.to_string()))
            }
            Declaration::ClassDeclaration(class) => {
                names.extend(class.id.iter().map(|id| id.name.to_string()))
            }
            _ => {}
        }
        for name in names {
            self.export_local(name.clone(), &name);
        }
        self.visit_declaration(&it.declaration);
    }

    fn visit_export_default_declaration(&mut self, it: &ExportDefaultDeclaration<'a>) {
        match &it.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                self.edits
                    .replace(self.source, it.span.start, function.span.start, ";");
                let binding = match &function.id {
                    Some(id) => id.name.to_string(),
                    None => {
                        let name = format!("{}d", self.base);
                        self.edits
                            .insert(function.params.span.start, format!(" {name}"));
                        self.names_default = true;
                        name
                    }
                };
                self.out.definitions.insert(
                    "default".to_owned(),
                    (function.span.start, function.span.end),
                );
                self.export_local("default".to_owned(), &binding);
            }
            ExportDefaultDeclarationKind::ClassDeclaration(class) => match &class.id {
                Some(id) => {
                    self.edits
                        .replace(self.source, it.span.start, class.span.start, ";");
                    self.export_local("default".to_owned(), &id.name);
                }
                None => self.export_default_class(it, class.span),
            },
            other => {
                let span = other.span();
                self.export_default_class(it, span);
                if let Some(Expression::Identifier(ident)) = other.as_expression()
                    && let Some(span) = self.initialisers.get(ident.name.as_str())
                {
                    self.out
                        .definitions
                        .insert("default".to_owned(), (span.start, span.end));
                }
            }
        }
        walk::walk_export_default_declaration_kind(self, &it.declaration);
    }
}
