//! From claims to attributes and groups: expressions in a part of CEL, compiled once, bounded before each run.
//!
//! The part: operators, `has`, `all`, `exists`, `exists_one`, `map`, `filter`, and the functions in [`FUNCTIONS`]. There are no
//! regular expressions, no times, and nothing that makes long texts out of short ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr};
use cel::{Context, Env, ExecutionError, IdedExpr, Program};
use serde_json::{Map, Value};

use super::cost::{self, COST_MAX, Facts};
use super::model::Error;
use crate::accounts::AttributeName;
use crate::wire::api;

/// The expressions of an upstream.
pub struct Mapping {
    attributes: Vec<(AttributeName, Expression)>,
    groups: Option<Expression>,
    two_factors: Option<Expression>,
    group_map: BTreeMap<String, String>,
}

/// What the expressions make of claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Attributes, each in the form that its claim has.
    pub attributes: BTreeMap<AttributeName, String>,
    /// The provider's groups.
    pub upstream_groups: BTreeSet<String>,
    /// Those of ours that they give.
    pub groups: BTreeSet<String>,
    /// Whether two factors were shown.
    pub two_factors: bool,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// One expression.
struct Expression {
    program: Program,
}

/// Why an expression gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failing {
    /// A claim it needs is not there.
    Absent,
    /// It cannot run on these claims.
    Broken(String),
}

impl Mapping {
    /// Compiles the expressions of a document.
    pub(super) fn of(document: &api::UpstreamSettings) -> Result<Self, Error> {
        let mut attributes = Vec::new();
        for (name, source) in &document.attributes {
            let known = AttributeName::parse(name).ok_or_else(|| {
                Error::invalid("attributes", format!("`{name}` is no standard claim"))
            })?;
            attributes.push((known, Expression::compile("attributes", source)?));
        }
        if attributes.is_empty() {
            for name in STANDARD {
                let source = format!("claims.{}", name.as_str());
                attributes.push((name, Expression::compile("attributes", &source)?));
            }
        }
        let compile = |field, source: &Option<String>| {
            source.as_ref().map(|source| Expression::compile(field, source)).transpose()
        };
        let group_map = document.group_map.clone();
        if group_map.len() > GROUPS_MAX
            || group_map.iter().any(|(a, b)| a.is_empty() || b.is_empty())
        {
            let why = format!("at most {GROUPS_MAX} groups, none with an empty name");
            return Err(Error::invalid("group_map", why));
        }
        if !group_map.is_empty() && document.groups.is_none() {
            return Err(Error::invalid(
                "group_map",
                "`groups` says how to find them in the claims",
            ));
        }
        Ok(Self {
            attributes,
            groups: compile("groups", &document.groups)?,
            two_factors: compile("two_factors", &document.two_factors)?,
            group_map,
        })
    }

    /// Our groups that this upstream can give.
    pub fn gives(&self) -> BTreeSet<&str> {
        self.group_map.values().map(String::as_str).collect()
    }

    /// Runs the expressions. An attribute that cannot be had is left out and noted. Groups and factors decide what somebody
    /// may do: where their expressions fail for another reason than an absent claim, the answer is that reason.
    pub fn apply(&self, claims: &Map<String, Value>) -> Result<Mapped, String> {
        let facts = Facts::of(claims);
        if facts.bytes > CLAIMS_BYTES_MAX {
            return Err(format!("the claims have more than {CLAIMS_BYTES_MAX} bytes"));
        }
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.add_variable("claims", claims).map_err(|error| format!("claims: {error}"))?;
        let mut mapped = Mapped::default();
        for (name, expression) in &self.attributes {
            let value = expression.run(&context, &facts).and_then(|value| text_of(&value));
            match value.map(|text| name.checked(&text)) {
                Ok(Ok(text)) => {
                    mapped.attributes.insert(*name, text);
                }
                Ok(Err(error)) => mapped.notes.push(format!("`{}`: {error}", name.as_str())),
                Err(Failing::Absent) => {}
                Err(Failing::Broken(why)) => {
                    mapped.notes.push(format!("`{}`: {why}", name.as_str()));
                }
            }
        }
        mapped.upstream_groups = self.groups_of(&context, &facts)?;
        let ours = mapped.upstream_groups.iter().filter_map(|group| self.group_map.get(group));
        mapped.groups = ours.cloned().collect();
        mapped.two_factors = self.two_factors_of(&context, &facts)?;
        Ok(mapped)
    }

    fn groups_of(
        &self,
        context: &Context<'_, '_>,
        facts: &Facts,
    ) -> Result<BTreeSet<String>, String> {
        let Some(expression) = &self.groups else { return Ok(BTreeSet::new()) };
        let value = match expression.run(context, facts) {
            Ok(value) => value,
            Err(Failing::Absent) => return Ok(BTreeSet::new()),
            Err(Failing::Broken(why)) => return Err(format!("`groups`: {why}")),
        };
        let list = match value {
            Value::Array(list) => list,
            Value::Null => return Ok(BTreeSet::new()),
            // Some providers write a list of one as its element.
            Value::String(one) => vec![Value::String(one)],
            _ => return Err("`groups`: gives no list".to_owned()),
        };
        let named = |item: Value| match item {
            Value::String(name) => Ok(name),
            _ => Err("`groups`: an element is no text".to_owned()),
        };
        list.into_iter().map(named).collect()
    }

    fn two_factors_of(&self, context: &Context<'_, '_>, facts: &Facts) -> Result<bool, String> {
        let Some(expression) = &self.two_factors else { return Ok(false) };
        match expression.run(context, facts) {
            Ok(Value::Bool(seen)) => Ok(seen),
            Ok(_) => Err("`two_factors`: gives neither true nor false".to_owned()),
            Err(Failing::Absent) => Ok(false),
            Err(Failing::Broken(why)) => Err(format!("`two_factors`: {why}")),
        }
    }
}

impl Expression {
    fn compile(field: &'static str, source: &str) -> Result<Self, Error> {
        let bad = |why: String| Error::invalid(field, format!("`{source}`: {why}"));
        if source.len() > SOURCE_BYTES_MAX {
            return Err(Error::invalid(
                field,
                format!("an expression has at most {SOURCE_BYTES_MAX} bytes"),
            ));
        }
        if nesting(source) > NESTING_MAX {
            return Err(bad(format!("nested deeper than {NESTING_MAX}")));
        }
        let program = ENV.compile(source).map_err(|error| bad(error.to_string()))?;
        let mut scope = vec!["claims"];
        check(program.expression(), &mut scope, 0).map_err(bad)?;
        Ok(Self { program })
    }

    fn run(&self, context: &Context<'_, '_>, facts: &Facts) -> Result<Value, Failing> {
        let cost = cost::cost(self.program.expression(), facts);
        if cost > COST_MAX {
            return Err(Failing::Broken(format!(
                "could take {cost} steps on these claims, and at most {COST_MAX} are run"
            )));
        }
        match self.program.execute(context) {
            Ok(value) => {
                value.json().map_err(|_| Failing::Broken("gives no JSON value".to_owned()))
            }
            Err(ExecutionError::NoSuchKey(_)) => Err(Failing::Absent),
            // The engine's own words may hold values, which are somebody's.
            Err(error) => Err(Failing::Broken(kind_of(&error).to_owned())),
        }
    }
}

fn kind_of(error: &ExecutionError) -> &'static str {
    match error {
        ExecutionError::NoSuchOverload(_) => "an operator or function does not fit these types",
        ExecutionError::ValuesNotComparable(..) => "compares what cannot be compared",
        ExecutionError::IndexOutOfBounds(_) => "an index is out of bounds",
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "divides by zero",
        ExecutionError::Overflow(..) => "a number becomes too large",
        _ => "does not fit these claims",
    }
}

/// What an attribute can be made of: texts, numbers, and yes and no.
fn text_of(value: &Value) -> Result<String, Failing> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Err(Failing::Absent),
        Value::Array(_) | Value::Object(_) => {
            Err(Failing::Broken("gives neither text nor number".to_owned()))
        }
    }
}

/// How deep brackets stand in each other, texts included: the parser descends once for each.
fn nesting(source: &str) -> usize {
    let (mut deep, mut deepest) = (0_usize, 0_usize);
    // A chain of signs descends as brackets do.
    let mut signs = 0_usize;
    for c in source.chars() {
        match c {
            '(' | '[' | '{' => deep = deep.saturating_add(1),
            ')' | ']' | '}' => deep = deep.saturating_sub(1),
            _ => {}
        }
        signs = if matches!(c, '!' | '-' | '?') || c.is_whitespace() { signs + 1 } else { 0 };
        deepest = deepest.max(deep.saturating_add(signs / 2));
    }
    deepest
}

/// Refuses what is not in the part of the language that is offered here.
fn check<'a>(
    expression: &'a IdedExpr,
    scope: &mut Vec<&'a str>,
    depth: usize,
) -> Result<(), String> {
    if depth > NESTING_MAX * 4 {
        return Err("nested too deep".to_owned());
    }
    let depth = depth + 1;
    match &expression.expr {
        Expr::Unspecified => Err("is not complete".to_owned()),
        Expr::Struct(_) => Err("structs cannot be made here".to_owned()),
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if scope.contains(&name.as_str()) => Ok(()),
        Expr::Ident(name) => Err(format!("`{name}` is unknown: the claims are `claims`")),
        Expr::Select(select) => check(&select.operand, scope, depth),
        Expr::List(list) => list.elements.iter().try_for_each(|part| check(part, scope, depth)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                check(&entry.key, scope, depth)?;
                check(&entry.value, scope, depth)
            }
            EntryExpr::StructField(_) => Err("structs cannot be made here".to_owned()),
        }),
        Expr::Call(call) => {
            let name = call.func_name.as_str();
            let operator = name.starts_with(['_', '@', '!', '-']);
            if !operator && !FUNCTIONS.contains(&name) {
                return Err(format!(
                    "the function `{name}` is not one of {}",
                    FUNCTIONS.join(", ")
                ));
            }
            let mut parts = call.target.as_deref().into_iter().chain(&call.args);
            parts.try_for_each(|part| check(part, scope, depth))
        }
        Expr::Comprehension(part) => {
            check(&part.iter_range, scope, depth)?;
            check(&part.accu_init, scope, depth)?;
            let known = scope.len();
            scope.push(&part.iter_var);
            scope.extend(part.iter_var2.as_deref());
            scope.push(&part.accu_var);
            let inside = [&part.loop_cond, &part.loop_step, &part.result];
            let checked = inside.into_iter().try_for_each(|part| check(part, scope, depth));
            scope.truncate(known);
            checked
        }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("group_map", &self.group_map).finish_non_exhaustive()
    }
}

/// The functions that may be called. None makes a text longer than what it is given.
const FUNCTIONS: [&str; 15] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "double",
    "bool",
    "lowerAscii",
    "upperAscii",
    "trim",
    "split",
    "substring",
    "indexOf",
    "lastIndexOf",
];

/// What is taken over as it is where a document names no attribute.
const STANDARD: [AttributeName; 10] = [
    AttributeName::Name,
    AttributeName::GivenName,
    AttributeName::FamilyName,
    AttributeName::MiddleName,
    AttributeName::Nickname,
    AttributeName::PreferredUsername,
    AttributeName::Picture,
    AttributeName::Email,
    AttributeName::Zoneinfo,
    AttributeName::Locale,
];

/// The language, once for all upstreams.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // The library says no only to a function that is declared twice, and this one is asked once.
    let _known = env.add_extension(cel::extensions::strings);
    Arc::new(env)
});

/// Longer is a program and not a mapping.
const SOURCE_BYTES_MAX: usize = 1024;
const NESTING_MAX: usize = 16;
/// Groups in one allow-list.
const GROUPS_MAX: usize = 1000;
/// An ID token with some hundred groups has some 10 KiB.
const CLAIMS_BYTES_MAX: u64 = 64 * 1024;
