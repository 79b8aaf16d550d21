//! Expressions of `.filter(…)` (function-runtime 1.6).

use std::borrow::Cow;

use lentil_values::{Object, Value};
use serde_json::Value as Json;

/// Levels of nested expressions.
const NESTING_MAX: usize = 64;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Compare(Comparison, Box<[Expression; 2]>),
    Arithmetic(Arithmetic, Box<[Expression; 2]>),
    Negate(Box<Expression>),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    /// A dotted path into the document.
    Field(String),
    /// A value; `None` is undefined.
    Literal(Option<Value>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

/// What an expression yields; `None` is undefined (an absent field).
type Yield<'a> = Option<Cow<'a, Value>>;

impl Expression {
    /// Reads the JSON form.
    pub(crate) fn parse(json: &Json) -> Result<Expression, String> {
        parse(json, 0)
    }

    /// Whether the filter keeps `document`; the error is the developer's.
    pub(crate) fn keeps(&self, document: &Object) -> Result<bool, String> {
        self.boolean(document, "The result of a filter")
    }

    fn evaluate<'a>(&'a self, document: &'a Object) -> Result<Yield<'a>, String> {
        let boolean = |result: bool| Ok(Some(Cow::Owned(Value::Boolean(result))));
        match self {
            Expression::Field(path) => Ok(Value::at_path(document, path).map(Cow::Borrowed)),
            Expression::Literal(value) => Ok(value.as_ref().map(Cow::Borrowed)),
            Expression::Compare(comparison, sides) => {
                let (left, right) = (sides[0].evaluate(document)?, sides[1].evaluate(document)?);
                // `None` sorts below every value, as absent fields do.
                boolean(comparison.holds(left.as_deref().cmp(&right.as_deref())))
            }
            Expression::Arithmetic(operation, sides) => {
                let (left, right) = (sides[0].evaluate(document)?, sides[1].evaluate(document)?);
                let result = operation.apply(left.as_deref(), right.as_deref())?;
                Ok(Some(Cow::Owned(result)))
            }
            Expression::Negate(inner) => {
                negate(inner.evaluate(document)?.as_deref()).map(|result| Some(Cow::Owned(result)))
            }
            Expression::Not(inner) => {
                boolean(!inner.boolean(document, "The operand of `not` in a filter")?)
            }
            Expression::And(parts) => {
                for part in parts {
                    if !part.boolean(document, "An operand of `and` in a filter")? {
                        return boolean(false);
                    }
                }
                boolean(true)
            }
            Expression::Or(parts) => {
                for part in parts {
                    if part.boolean(document, "An operand of `or` in a filter")? {
                        return boolean(true);
                    }
                }
                boolean(false)
            }
        }
    }

    /// Whether it is the same for every document.
    pub(crate) fn is_constant(&self) -> bool {
        match self {
            Expression::Field(_) => false,
            Expression::Literal(_) => true,
            Expression::Negate(inner) | Expression::Not(inner) => inner.is_constant(),
            Expression::Compare(_, sides) | Expression::Arithmetic(_, sides) => {
                sides.iter().all(Expression::is_constant)
            }
            Expression::And(parts) | Expression::Or(parts) => {
                parts.iter().all(Expression::is_constant)
            }
        }
    }

    fn boolean(&self, document: &Object, what: &str) -> Result<bool, String> {
        match self.evaluate(document)?.as_deref() {
            Some(Value::Boolean(result)) => Ok(*result),
            other => Err(format!(
                "{what} must be a boolean, it is {}. Use a comparison, such as `q.eq(…)`.",
                type_name(other)
            )),
        }
    }
}

impl Comparison {
    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Eq => order.is_eq(),
            Comparison::Neq => order.is_ne(),
            Comparison::Lt => order.is_lt(),
            Comparison::Lte => order.is_le(),
            Comparison::Gt => order.is_gt(),
            Comparison::Gte => order.is_ge(),
        }
    }
}

impl Arithmetic {
    fn name(self) -> &'static str {
        match self {
            Arithmetic::Add => "add",
            Arithmetic::Sub => "sub",
            Arithmetic::Mul => "mul",
            Arithmetic::Div => "div",
            Arithmetic::Mod => "mod",
        }
    }

    fn apply(self, left: Option<&Value>, right: Option<&Value>) -> Result<Value, String> {
        match (left, right) {
            (Some(Value::Int64(left)), Some(Value::Int64(right))) => {
                self.integers(*left, *right).map(Value::Int64)
            }
            (Some(Value::Float64(left)), Some(Value::Float64(right))) => {
                Ok(Value::Float64(self.floats(*left, *right)))
            }
            (left, right) => Err(format!(
                "`{}` in a filter takes two floats or two integers, not {} and {}.",
                self.name(),
                type_name(left),
                type_name(right)
            )),
        }
    }

    fn integers(self, left: i64, right: i64) -> Result<i64, String> {
        let result = match self {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Sub => left.checked_sub(right),
            Arithmetic::Mul => left.checked_mul(right),
            Arithmetic::Div => left.checked_div(right),
            Arithmetic::Mod => left.checked_rem(right),
        };
        let name = self.name();
        result.ok_or_else(|| {
            let why = match self {
                Arithmetic::Div | Arithmetic::Mod if right == 0 => "divides by zero",
                _ => "overflows 64 bits",
            };
            format!("`{name}` of {left}n and {right}n in a filter {why}.")
        })
    }

    fn floats(self, left: f64, right: f64) -> f64 {
        match self {
            Arithmetic::Add => left + right,
            Arithmetic::Sub => left - right,
            Arithmetic::Mul => left * right,
            Arithmetic::Div => left / right,
            Arithmetic::Mod => left % right,
        }
    }
}

fn negate(operand: Option<&Value>) -> Result<Value, String> {
    match operand {
        Some(Value::Float64(float)) => Ok(Value::Float64(-float)),
        Some(Value::Int64(integer)) => integer
            .checked_neg()
            .map(Value::Int64)
            .ok_or_else(|| format!("`neg` of {integer}n in a filter overflows 64 bits.")),
        other => Err(format!(
            "`neg` in a filter takes a float or an integer, not {}.",
            type_name(other)
        )),
    }
}

/// The type as JavaScript calls it.
fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Int64(_)) => "bigint",
        Some(Value::CommitTs) => "pending commit timestamp",
        Some(Value::Float64(_)) => "number",
        Some(Value::Boolean(_)) => "boolean",
        Some(Value::String(_)) => "string",
        Some(Value::Bytes(_)) => "bytes",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    }
}

fn parse(json: &Json, depth: usize) -> Result<Expression, String> {
    if depth == NESTING_MAX {
        return Err(format!(
            "the filter is nested more than {NESTING_MAX} levels deep"
        ));
    }
    let (name, operand) = match json
        .as_object()
        .map(|members| (members.len(), members.iter().next()))
    {
        Some((1, Some(member))) => member,
        _ => return Err("a filter expression must be an object with one member".to_owned()),
    };
    let inner = |json: &Json| parse(json, depth + 1);
    let compare = |comparison| Ok(Expression::Compare(comparison, pair(operand, depth)?));
    let compute = |operation| Ok(Expression::Arithmetic(operation, pair(operand, depth)?));
    match name.as_str() {
        "$eq" => compare(Comparison::Eq),
        "$neq" => compare(Comparison::Neq),
        "$lt" => compare(Comparison::Lt),
        "$lte" => compare(Comparison::Lte),
        "$gt" => compare(Comparison::Gt),
        "$gte" => compare(Comparison::Gte),
        "$add" => compute(Arithmetic::Add),
        "$sub" => compute(Arithmetic::Sub),
        "$mul" => compute(Arithmetic::Mul),
        "$div" => compute(Arithmetic::Div),
        "$mod" => compute(Arithmetic::Mod),
        "$neg" => Ok(Expression::Negate(Box::new(inner(operand)?))),
        "$not" => Ok(Expression::Not(Box::new(inner(operand)?))),
        "$and" => list(operand, depth).map(Expression::And),
        "$or" => list(operand, depth).map(Expression::Or),
        "$field" => match operand.as_str() {
            Some(path) => Ok(Expression::Field(path.to_owned())),
            None => Err("`$field` must hold a field path".to_owned()),
        },
        "$literal" => optional_value(operand).map(Expression::Literal),
        name => Err(format!("there is no filter operator `{name}`")),
    }
}

fn list(json: &Json, depth: usize) -> Result<Vec<Expression>, String> {
    let operands = json
        .as_array()
        .ok_or("the operands of a filter operator must be an array")?;
    operands
        .iter()
        .map(|operand| parse(operand, depth + 1))
        .collect()
}

fn pair(json: &Json, depth: usize) -> Result<Box<[Expression; 2]>, String> {
    let operands = list(json, depth)?;
    <[Expression; 2]>::try_from(operands)
        .map(Box::new)
        .map_err(|operands| {
            format!(
                "a comparison or calculation in a filter takes two operands, not {}",
                operands.len()
            )
        })
}

/// Reads a value that may be `{"$undefined": null}`.
pub(crate) fn optional_value(json: &Json) -> Result<Option<Value>, String> {
    let undefined = json
        .as_object()
        .is_some_and(|members| members.len() == 1 && members.contains_key("$undefined"));
    if undefined {
        return Ok(None);
    }
    Value::from_unresolved_json(json)
        .map(Some)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expression: Json, expected: Result<bool, &str>) {
        let document = json!({
            "n": 1, "i": {"$integer": "AQAAAAAAAAA="}, "s": "x", "t": true, "z": null,
            "o": {"p": {"q": 5}}, "a": [1],
        });
        let Value::Object(document) = Value::from_json(&document).expect("it is a value") else {
            panic!("it is an object");
        };
        let found = Expression::parse(&expression).and_then(|parsed| parsed.keeps(&document));
        assert_eq!(
            found.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|text| *text),
            "{expression}"
        );
    }

    fn field(path: &str) -> Json {
        json!({ "$field": path })
    }

    fn literal(value: Json) -> Json {
        json!({ "$literal": value })
    }

    #[test]
    fn s008_integers_and_floats_are_never_equal() {
        let one = json!({"$integer": "AQAAAAAAAAA="});
        check(json!({"$eq": [field("n"), literal(json!(1))]}), Ok(true));
        check(
            json!({"$eq": [field("n"), literal(one.clone())]}),
            Ok(false),
        );
        check(json!({"$eq": [field("i"), literal(one.clone())]}), Ok(true));
        check(json!({"$lt": [literal(one), field("n")]}), Ok(true));
    }

    #[test]
    fn absent_fields_are_undefined_and_lowest() {
        let undefined = literal(json!({"$undefined": null}));
        check(json!({"$eq": [field("nope"), undefined]}), Ok(true));
        check(
            json!({"$eq": [field("z"), literal(json!({"$undefined": null}))]}),
            Ok(false),
        );
        check(
            json!({"$lt": [field("nope"), literal(json!(null))]}),
            Ok(true),
        );
        check(
            json!({"$eq": [field("o.p.q"), literal(json!(5))]}),
            Ok(true),
        );
        check(
            json!({"$eq": [field("a.0"), literal(json!({"$undefined": null}))]}),
            Ok(true),
        );
    }

    #[test]
    fn arithmetic_is_checked() {
        let two = json!({"$add": [field("n"), literal(json!(1))]});
        check(json!({"$eq": [two, literal(json!(2))]}), Ok(true));
        let max = literal(json!({"$integer": "/////////38="}));
        check(
            json!({"$eq": [{"$add": [field("i"), max]}, literal(json!(0))]}),
            Err("`add` of 1n and 9223372036854775807n in a filter overflows 64 bits."),
        );
        let zero = literal(json!({"$integer": "AAAAAAAAAAA="}));
        check(
            json!({"$eq": [{"$mod": [field("i"), zero]}, literal(json!(0))]}),
            Err("`mod` of 1n and 0n in a filter divides by zero."),
        );
        check(
            json!({"$eq": [{"$mul": [field("i"), field("n")]}, literal(json!(0))]}),
            Err("`mul` in a filter takes two floats or two integers, not bigint and number."),
        );
        check(
            json!({"$lt": [{"$neg": field("n")}, literal(json!(0))]}),
            Ok(true),
        );
    }

    #[test]
    fn logic_wants_booleans() {
        check(json!({"$and": []}), Ok(true));
        check(json!({"$or": []}), Ok(false));
        check(
            json!({"$and": [field("t"), {"$not": {"$not": field("t")}}]}),
            Ok(true),
        );
        check(json!({"$or": [field("t"), field("s")]}), Ok(true));
        check(
            json!({"$and": [field("t"), field("s")]}),
            Err(
                "An operand of `and` in a filter must be a boolean, it is string. Use a comparison, such as `q.eq(…)`.",
            ),
        );
        check(
            field("nope"),
            Err(
                "The result of a filter must be a boolean, it is undefined. Use a comparison, such as `q.eq(…)`.",
            ),
        );
    }

    #[test]
    fn malformed_expressions_are_refused() {
        check(
            json!({"$xor": []}),
            Err("there is no filter operator `$xor`"),
        );
        check(
            json!({"$eq": [field("n")]}),
            Err("a comparison or calculation in a filter takes two operands, not 1"),
        );
        check(
            json!(true),
            Err("a filter expression must be an object with one member"),
        );
        let mut deep = field("t");
        for _ in 0..70 {
            deep = json!({ "$not": deep });
        }
        check(deep, Err("the filter is nested more than 64 levels deep"));
    }
}
