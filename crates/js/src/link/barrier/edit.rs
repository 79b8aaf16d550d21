//! The second walk: puts the barrier into the text.

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::UnaryOperator;
use oxc_syntax::scope::{ScopeFlags, ScopeId};

use super::{Facts, Kind, Noting, getters, mark, marks};
use crate::link::edits::Edits;

pub(super) struct Editor<'s> {
    facts: &'s Facts,
    scoping: &'s Scoping,
    base: &'s str,
    edits: &'s mut Edits,
    current: usize,
    /// Activations are met in the order of the first walk.
    met: usize,
    /// Shown at the start of the block that begins there: variables of its loop or `catch`.
    of_block: Option<(u32, String)>,
    /// Where the current statement begins, if it is an expression.
    statement_start: u32,
}

impl<'s> Editor<'s> {
    pub(super) fn new(
        facts: &'s Facts,
        scoping: &'s Scoping,
        base: &'s str,
        edits: &'s mut Edits,
    ) -> Self {
        Editor {
            facts,
            scoping,
            base,
            edits,
            current: 0,
            met: 0,
            of_block: None,
            statement_start: u32::MAX,
        }
    }

    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        let outer = self.current;
        self.met += 1;
        self.current = self.met;
        walk(self);
        self.current = outer;
    }

    /// `(f, span)` as `call(f)`; what is walked in between comes between.
    fn wrap(&mut self, call: &str, span: Span, walk: impl FnOnce(&mut Self)) {
        self.edits
            .insert(span.start, format!("{}.{call}", self.base));
        walk(self);
        self.edits.insert(span.end, ")");
    }

    fn shown(&self, scope: Option<ScopeId>) -> String {
        let names = scope.and_then(|scope| self.facts.shown.get(&scope));
        names.map_or(String::new(), |names| self.show(&getters(names)))
    }

    /// Said while modules are evaluated, and costs a look at a flag later.
    fn show(&self, what: &str) -> String {
        format!("{0}.p&&{0}.s({what})", self.base)
    }

    /// Expressions to be evaluated when the current activation is entered.
    fn at_entry(&self, scope: Option<ScopeId>) -> Vec<String> {
        let (base, activation) = (self.base, &self.facts.activations[self.current]);
        let mut out = Vec::new();
        if activation.asynchronous {
            out.push(format!("{base}.p&&{base}.g()"));
        }
        if activation.opaque {
            out.push(format!("{base}.p&&{base}.o()"));
        }
        if activation.lends_this && !matches!(activation.kind, Kind::Field { .. }) {
            out.push(self.show("[()=>this,()=>new.target]"));
        }
        if activation.lends_arguments {
            out.push(self.show("[()=>arguments]"));
        }
        let shown = self.shown(scope);
        if !shown.is_empty() {
            out.push(shown);
        }
        out
    }

    fn enter_body(&mut self, start: u32, scope: Option<ScopeId>) {
        let activation = &self.facts.activations[self.current];
        let mut text = marks(activation, self.base, &format!("{}.e", self.base));
        if activation.epoch {
            text.push_str(&format!("const {0}e{1}={0}.e;", self.base, self.current));
        }
        for entry in self.at_entry(scope) {
            text.push_str(&entry);
            text.push(';');
        }
        if !text.is_empty() {
            self.edits.insert(start, text);
        }
    }

    /// What has to be said before a variable is assigned.
    fn note_of_name(&self, name: &IdentifierReference) -> Option<String> {
        let base = self.base;
        let reference = name.reference_id.get();
        let symbol = reference.and_then(|id| self.scoping.get_reference(id).symbol_id());
        let noting = symbol.map_or(Noting::Never, |symbol| {
            self.facts.noting(symbol, self.current, self.scoping)
        });
        let (noting, symbol) = match (noting, symbol) {
            (Noting::Needless, _) => return None,
            (Noting::Never, _) | (_, None) => return Some(format!("{base}.a()")),
            (noting, Some(symbol)) => (noting, symbol),
        };
        let name = &name.name;
        let note = format!("{base}.b(()=>{name},{base}v=>{name}={base}v)");
        Some(match noting {
            Noting::Each(0) => note,
            Noting::Each(owner) => format!("{base}e{owner}==={base}.e||{note}"),
            _ => {
                let mark = mark(base, symbol);
                format!("{mark}==={base}.e||({mark}={note})")
            }
        })
    }

    /// What has to be said before an assignment.
    fn notes_of(&self, target: &AssignmentTarget) -> Vec<String> {
        match target {
            AssignmentTarget::AssignmentTargetIdentifier(name) => {
                self.note_of_name(name).into_iter().collect()
            }
            AssignmentTarget::ArrayAssignmentTarget(_)
            | AssignmentTarget::ObjectAssignmentTarget(_) => {
                let mut names = Names {
                    editor: self,
                    notes: Vec::new(),
                };
                names.visit_assignment_target(target);
                names.notes
            }
            _ if target.as_member_expression().is_some_and(is_super) => {
                vec![format!("{}.a()", self.base)]
            }
            _ => Vec::new(),
        }
    }

    /// `(note,note,assignment)`
    fn noted(&mut self, notes: &[String], span: Span, walk: impl FnOnce(&mut Self)) {
        if notes.is_empty() {
            return walk(self);
        }
        // A statement that began with a name must not begin with a parenthesis: the one before it
        // may rely on automatic semicolons.
        let opening = if span.start == self.statement_start {
            "0,("
        } else {
            "("
        };
        self.edits
            .insert(span.start, format!("{opening}{},", notes.join(",")));
        walk(self);
        self.edits.insert(span.end, ")");
    }

    /// Whether a store into that object concerns the running activation alone.
    fn is_own(&self, object: &Expression) -> bool {
        match object.without_parentheses() {
            Expression::ThisExpression(_) => {
                self.facts.activations[self.current].kind == Kind::BaseConstructor
            }
            Expression::Identifier(name) => {
                let reference = name.reference_id.get();
                let symbol = reference.and_then(|id| self.scoping.get_reference(id).symbol_id());
                symbol.is_some_and(|symbol| {
                    self.facts.literals.contains(&symbol)
                        && self.facts.owners.get(&symbol) == Some(&self.current)
                })
            }
            _ => false,
        }
    }

    fn store_into<'a>(&mut self, member: &MemberExpression<'a>) {
        let object = member.object();
        if is_super(member) || self.is_own(object) {
            self.visit_expression(object);
        } else {
            self.wrap("w(", object.span(), |this| this.visit_expression(object));
        }
        if let MemberExpression::ComputedMemberExpression(computed) = member {
            self.visit_expression(&computed.expression);
        }
    }

    /// The head of a loop assigns before each turn.
    fn loop_over<'a>(&mut self, left: &ForStatementLeft<'a>, right: &Expression<'a>) {
        let notes = left
            .as_assignment_target()
            .map_or(Vec::new(), |target| self.notes_of(target));
        self.visit_for_statement_left(left);
        if notes.is_empty() {
            return self.visit_expression(right);
        }
        // Doubled: `for (x in a, b)` has a sequence there.
        let span = right.span();
        self.edits
            .insert(span.start, format!("({},(", notes.join(",")));
        self.visit_expression(right);
        self.edits.insert(span.end, "))");
    }

    fn body_of_loop<'a>(&mut self, scope: Option<ScopeId>, body: &Statement<'a>) {
        let text = self.shown(scope);
        match body {
            Statement::BlockStatement(block) => {
                self.of_block = Some((block.span.start, text));
                self.visit_statement(body);
            }
            _ if text.is_empty() => self.visit_statement(body),
            _ => {
                let span = body.span();
                self.edits.insert(span.start, format!("{{{text};"));
                self.visit_statement(body);
                self.edits.insert(span.end, "}");
            }
        }
    }

    /// What a class body begins with.
    fn class_entry(&self, class: &Class, first_inside: usize) -> String {
        let base = self.base;
        let mut text = String::new();
        let private: Vec<String> = class
            .body
            .body
            .iter()
            .filter_map(|element| match element {
                ClassElement::PropertyDefinition(field) => field.key.private_name(),
                _ => None,
            })
            .map(|name| format!("#{name}"))
            .collect();
        let fields = class.body.body.iter().filter_map(|element| match element {
            ClassElement::PropertyDefinition(field) => Some(field),
            _ => None,
        });
        let mut lends = (false, false);
        let mut instance_fields = class.body.body.iter().any(|element| match element {
            ClassElement::MethodDefinition(method) => {
                !method.r#static && method.key.private_name().is_some()
            }
            _ => false,
        });
        for field in fields {
            instance_fields |= !field.r#static;
            let inside = field.value.as_ref().and_then(|value| {
                let all = &self.facts.activations[first_inside..];
                all.iter()
                    .find(|one| matches!(one.kind, Kind::Field { .. }) && one.span == value.span())
            });
            if inside.is_some_and(|one| one.lends_this) {
                if field.r#static {
                    lends.0 = true;
                } else {
                    lends.1 = true;
                }
            }
        }
        let scope = class.scope_id.get();
        let of_class = scope.is_some_and(|scope| self.facts.shown.contains_key(&scope));
        if !private.is_empty() || lends.0 || of_class {
            text.push_str("static{");
            if !private.is_empty() {
                text.push_str(&fields_of(&private, base));
            }
            if lends.0 || of_class {
                text.push_str(&self.show("[()=>this]"));
            }
            text.push('}');
        }
        if class.heritage.is_some() && instance_fields {
            // A constructor above may return an object that is not new.
            text.push_str(&format!("#{base}w={base}.f(this);"));
        }
        if lends.1 {
            text.push_str(&format!("#{base}s={};", self.show("[()=>this]")));
        }
        text
    }
}

/// A reader of all private fields of an object, empty if it has none, and a writer.
fn fields_of(names: &[String], base: &str) -> String {
    let each = |make: &dyn Fn(usize, &String) -> String, separator: &str| {
        let all: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(at, name)| make(at, name))
            .collect();
        all.join(separator)
    };
    let has = each(&|_, name| format!("{name} in {base}q"), "||");
    let read = each(&|_, name| format!("{name} in {base}q&&{base}q.{name}"), ",");
    let put = each(
        &|at, name| format!("{name} in {base}q&&({base}q.{name}={base}v[{at}])"),
        ",",
    );
    format!("{base}.p&&{base}.c({base}q=>{has}?[{read}]:[],({base}q,{base}v)=>{{{put}}});")
}

fn is_super(member: &MemberExpression) -> bool {
    matches!(member.object(), Expression::Super(_))
}

/// Looks for variables of others in a pattern.
struct Names<'e, 's> {
    editor: &'e Editor<'s>,
    notes: Vec<String>,
}

impl<'a> Visit<'a> for Names<'_, '_> {
    fn visit_simple_assignment_target(&mut self, it: &SimpleAssignmentTarget<'a>) {
        match it {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(name) => {
                self.notes.extend(self.editor.note_of_name(name));
            }
            _ if it.as_member_expression().is_some_and(is_super) => {
                self.notes.push(format!("{}.a()", self.editor.base));
            }
            _ => {}
        }
    }

    fn visit_assignment_target_property_identifier(
        &mut self,
        it: &AssignmentTargetPropertyIdentifier<'a>,
    ) {
        self.notes.extend(self.editor.note_of_name(&it.binding));
    }

    fn visit_expression(&mut self, _: &Expression<'a>) {}
}

impl<'a> Visit<'a> for Editor<'_> {
    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        self.statement_start = it.span.start;
        walk::walk_expression_statement(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        let notes = self.notes_of(&it.left);
        self.noted(&notes, it.span, |this| {
            walk::walk_assignment_expression(this, it);
        });
    }

    fn visit_simple_assignment_target(&mut self, it: &SimpleAssignmentTarget<'a>) {
        if let Some(member) = it.as_member_expression() {
            self.store_into(member);
        }
    }

    fn visit_update_expression(&mut self, it: &UpdateExpression<'a>) {
        let notes: Vec<String> = match &it.argument {
            SimpleAssignmentTarget::AssignmentTargetIdentifier(name) => {
                self.note_of_name(name).into_iter().collect()
            }
            other if other.as_member_expression().is_some_and(is_super) => {
                vec![format!("{}.a()", self.base)]
            }
            _ => Vec::new(),
        };
        self.noted(&notes, it.span, |this| {
            this.visit_simple_assignment_target(&it.argument);
        });
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        if it.operator != UnaryOperator::Delete {
            return walk::walk_unary_expression(self, it);
        }
        match it.argument.without_parentheses().as_member_expression() {
            Some(member) if !is_super(member) => self.store_into(member),
            // A chain that may end early cannot be taken apart.
            _ => self.wrap("a(", it.span, |this| {
                this.visit_expression(&it.argument);
            }),
        }
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.loop_over(&it.left, &it.right);
        self.body_of_loop(it.scope_id.get(), &it.body);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.loop_over(&it.left, &it.right);
        self.body_of_loop(it.scope_id.get(), &it.body);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        if let Some(init) = &it.init {
            self.visit_for_statement_init(init);
        }
        if let Some(test) = &it.test {
            self.visit_expression(test);
        }
        if let Some(update) = &it.update {
            self.visit_expression(update);
        }
        self.body_of_loop(it.scope_id.get(), &it.body);
    }

    fn visit_switch_statement(&mut self, it: &SwitchStatement<'a>) {
        self.visit_expression(&it.discriminant);
        let text = self.shown(it.scope_id.get());
        for case in &it.cases {
            if let Some(test) = &case.test {
                self.visit_expression(test);
            }
            // Whichever case it begins with.
            if let Some(first) = case.consequent.first().filter(|_| !text.is_empty()) {
                self.edits.insert(first.span().start, format!("{text};"));
            }
            self.visit_statements(&case.consequent);
        }
    }

    fn visit_catch_clause(&mut self, it: &CatchClause<'a>) {
        if let Some(param) = &it.param {
            self.visit_catch_parameter(param);
        }
        self.of_block = Some((it.body.span.start, self.shown(it.scope_id.get())));
        self.visit_block_statement(&it.body);
    }

    fn visit_block_statement(&mut self, it: &BlockStatement<'a>) {
        let of_block = self.of_block.take_if(|(start, _)| *start == it.span.start);
        let texts = [
            of_block.map_or(String::new(), |(_, text)| text),
            self.shown(it.scope_id.get()),
        ];
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            self.edits.insert(it.span.start + 1, text + ";");
        }
        walk::walk_block_statement(self, it);
    }

    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        let kind = self.facts.activations[self.current].kind;
        match &it.argument {
            // What a constructor returns may be given fields, or be filled by a built-in.
            Some(value) if matches!(kind, Kind::BaseConstructor | Kind::DerivedConstructor) => {
                let span = value.span();
                self.edits.insert(span.start, format!("{}.f((", self.base));
                self.visit_expression(value);
                self.edits.insert(span.end, "))");
            }
            _ => walk::walk_return_statement(self, it),
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.within(|this| {
            if let Some(body) = &it.body {
                this.enter_body(body.span.start + 1, it.scope_id.get());
            }
            walk::walk_function(this, it, flags);
        });
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.within(|this| {
            this.visit_formal_parameters(&it.params);
            match &it.body {
                ArrowFunctionBody::FunctionBody(body) => {
                    this.enter_body(body.span.start + 1, it.scope_id.get());
                    this.visit_function_body(body);
                }
                other => {
                    let entry = this.at_entry(it.scope_id.get());
                    if entry.is_empty() {
                        return this.visit_arrow_function_body(other);
                    }
                    let span = other.span();
                    this.edits
                        .insert(span.start, format!("({},", entry.join(",")));
                    this.visit_arrow_function_body(other);
                    this.edits.insert(span.end, ")");
                }
            }
        });
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if let Some(heritage) = &it.heritage {
            self.visit_class_heritage(heritage);
        }
        let text = self.class_entry(it, self.met);
        if !text.is_empty() {
            self.edits.insert(it.body.span.start + 1, text);
        }
        self.visit_class_body(&it.body);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        self.visit_property_key(&it.key);
        if let Some(value) = &it.value {
            self.within(|this| this.visit_expression(value));
        }
    }

    fn visit_static_block(&mut self, it: &StaticBlock<'a>) {
        self.within(|this| {
            // `static`, perhaps a space or a comment, and the brace: after the first statement's
            // start nothing can be put, so it is said there.
            let first = it.body.first().map(GetSpan::span);
            if let Some(first) = first {
                this.enter_body(first.start, it.scope_id.get());
            }
            walk::walk_static_block(this, it);
        });
    }
}
