//! The first walk: who owns which variable, and who else uses it.

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::Scoping;
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::{ScopeFlags, ScopeId};

use super::{Activation, Capture, Facts, Kind};

pub(super) struct Collector<'s> {
    scoping: &'s Scoping,
    facts: Facts,
    current: usize,
    /// What the next function that is walked is.
    next: Kind,
    derived: bool,
}

impl<'s> Collector<'s> {
    pub(super) fn new(scoping: &'s Scoping) -> Self {
        let module = Activation {
            has_body: true,
            ..Activation::default()
        };
        Collector {
            scoping,
            facts: Facts {
                activations: vec![module],
                ..Facts::default()
            },
            current: 0,
            next: Kind::Function,
            derived: false,
        }
    }

    pub(super) fn finish(self) -> Facts {
        self.facts
    }

    fn within(&mut self, activation: Activation, walk: impl FnOnce(&mut Self)) {
        let outer = self.current;
        self.facts.activations.push(Activation {
            parent: outer,
            ..activation
        });
        self.current = self.facts.activations.len() - 1;
        walk(self);
        self.current = outer;
    }

    fn point(&mut self, scope: Option<ScopeId>, body: Option<Span>) {
        if let Some(scope) = scope {
            self.facts.scopes.insert(scope, body);
        }
    }

    /// The variables of a loop can be shown in its body.
    fn point_of_loop(&mut self, scope: Option<ScopeId>, body: &Statement) {
        self.point(scope, Some(body.span()));
    }

    fn uses_this(&mut self) {
        let owner = self.facts.this_of(self.current);
        if owner != self.current {
            self.facts.activations[owner].lends_this = true;
        }
    }
}

fn is_literal(expression: &Expression) -> bool {
    matches!(
        expression.without_parentheses(),
        Expression::ObjectExpression(_) | Expression::ArrayExpression(_)
    )
}

impl<'a> Visit<'a> for Collector<'_> {
    fn visit_program(&mut self, it: &Program<'a>) {
        self.point(it.scope_id.get(), None);
        self.facts.activations[0].scope = it.scope_id.get();
        walk::walk_program(self, it);
    }

    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        if let Some(symbol) = it.symbol_id.get() {
            self.facts.owners.entry(symbol).or_insert(self.current);
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        let Some(reference) = it.reference_id.get() else {
            return;
        };
        let reference = self.scoping.get_reference(reference);
        match reference.symbol_id() {
            Some(symbol) => self.facts.captures.push(Capture {
                symbol,
                by: self.current,
                offset: it.span.start,
                written: reference.is_write(),
            }),
            None if it.name == "arguments" => {
                let owner = self.facts.this_of(self.current);
                if owner != self.current {
                    self.facts.activations[owner].lends_arguments = true;
                }
            }
            None => {}
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let BindingPattern::BindingIdentifier(name) = &it.id
            && let Some(symbol) = name.symbol_id.get()
            && it.init.as_ref().is_some_and(is_literal)
            && !self.scoping.symbol_is_mutated(symbol)
        {
            self.facts.literals.insert(symbol);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_this_expression(&mut self, _: &ThisExpression) {
        self.uses_this();
    }

    fn visit_super(&mut self, _: &Super) {
        self.uses_this();
    }

    fn visit_new_target(&mut self, _: &NewTarget) {
        self.uses_this();
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        let kind = std::mem::replace(&mut self.next, Kind::Function);
        // The name of a declaration belongs to whoever declares it.
        if it.is_declaration()
            && let Some(id) = &it.id
        {
            self.visit_binding_identifier(id);
        }
        self.point(it.scope_id.get(), None);
        let activation = Activation {
            kind,
            span: it.span,
            params: it.params.span,
            scope: it.scope_id.get(),
            has_body: it.body.is_some(),
            asynchronous: it.r#async && !it.generator,
            ..Activation::default()
        };
        self.within(activation, |this| walk::walk_function(this, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.point(it.scope_id.get(), None);
        let activation = Activation {
            kind: Kind::Arrow,
            span: it.span,
            params: it.params.span,
            scope: it.scope_id.get(),
            has_body: matches!(it.body, ArrowFunctionBody::FunctionBody(_)),
            asynchronous: it.r#async,
            ..Activation::default()
        };
        self.within(activation, |this| {
            walk::walk_arrow_function_expression(this, it);
        });
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        let outer = std::mem::replace(&mut self.derived, it.heritage.is_some());
        self.point(it.scope_id.get(), None);
        walk::walk_class(self, it);
        self.derived = outer;
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        self.visit_property_key(&it.key);
        self.next = match (it.kind, self.derived) {
            (MethodDefinitionKind::Constructor, false) => Kind::BaseConstructor,
            (MethodDefinitionKind::Constructor, true) => Kind::DerivedConstructor,
            _ => Kind::Function,
        };
        self.visit_function(&it.value, ScopeFlags::Function);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        self.visit_property_key(&it.key);
        if let Some(value) = &it.value {
            let activation = Activation {
                kind: Kind::Field {
                    of_class: it.r#static,
                },
                span: value.span(),
                ..Activation::default()
            };
            self.within(activation, |this| this.visit_expression(value));
        }
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        self.facts.opaque = true;
        walk::walk_accessor_property(self, it);
    }

    fn visit_static_block(&mut self, it: &StaticBlock<'a>) {
        self.point(it.scope_id.get(), None);
        let activation = Activation {
            kind: Kind::Static,
            span: it.span,
            scope: it.scope_id.get(),
            has_body: true,
            ..Activation::default()
        };
        self.within(activation, |this| walk::walk_static_block(this, it));
    }

    fn visit_block_statement(&mut self, it: &BlockStatement<'a>) {
        self.point(it.scope_id.get(), None);
        walk::walk_block_statement(self, it);
    }

    fn visit_catch_clause(&mut self, it: &CatchClause<'a>) {
        self.point(it.scope_id.get(), Some(it.body.span));
        walk::walk_catch_clause(self, it);
    }

    fn visit_switch_statement(&mut self, it: &SwitchStatement<'a>) {
        self.point(it.scope_id.get(), None);
        walk::walk_switch_statement(self, it);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        self.point_of_loop(it.scope_id.get(), &it.body);
        walk::walk_for_statement(self, it);
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.point_of_loop(it.scope_id.get(), &it.body);
        walk::walk_for_in_statement(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.point_of_loop(it.scope_id.get(), &it.body);
        walk::walk_for_of_statement(self, it);
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        // Built-ins would write into what such a constructor returns.
        self.facts.opaque |= it.property.name == "species";
        walk::walk_static_member_expression(self, it);
    }

    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        self.facts.opaque |= it.value == "species";
    }
}
