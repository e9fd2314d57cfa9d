//! What an expression can cost at most on given claims, worked out before it runs.
//!
//! CEL always ends, but nested loops over long lists multiply, and `+` makes copies. The bound is computed over the parsed
//! expression: how often each node can run, times how many bytes it can touch. What costs too much is not run at all, so no
//! clock and no second thread is needed, and the answer is the same on every machine.

use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue};
use serde_json::{Map, Value};

/// How large claims are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// All of it, in bytes.
    pub(super) bytes: u64,
    /// The longest list or object.
    items: u64,
    /// The longest text.
    text: u64,
    /// The largest element of a list, or name in an object.
    element: u64,
}

/// How large a value can be.
#[derive(Debug, Clone, Copy)]
struct Bound {
    bytes: u64,
    items: u64,
    text: u64,
    /// Of what iterating over it gives.
    element: u64,
}

/// The cost of an expression; saturates.
pub(super) fn cost(expression: &IdedExpr, facts: &Facts) -> u64 {
    let mut meter = Meter { facts, spent: 0, scope: Vec::new() };
    meter.walk(expression, 1);
    meter.spent
}

/// The largest cost that is run: what it takes is measured in `tests/mapping.rs`.
pub(super) const COST_MAX: u64 = 1_000_000;

impl Facts {
    /// Of these claims.
    pub(super) fn of(claims: &Map<String, Value>) -> Self {
        let mut facts = Self { bytes: 0, items: 0, text: 0, element: 0 };
        facts.bytes = facts.members(claims.iter().map(|(name, value)| (name.len(), value)));
        facts
    }

    fn measure(&mut self, value: &Value) -> u64 {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 8,
            Value::String(text) => {
                let length = whole(text.len());
                self.text = self.text.max(length);
                length.saturating_add(8)
            }
            Value::Array(items) => {
                for item in items {
                    let element = self.measure(item);
                    self.element = self.element.max(element);
                }
                self.members(items.iter().map(|item| (0, item)))
            }
            Value::Object(members) => {
                self.members(members.iter().map(|(name, value)| (name.len(), value)))
            }
        }
    }

    fn members<'a>(&mut self, members: impl Iterator<Item = (usize, &'a Value)>) -> u64 {
        let (mut count, mut bytes) = (0_u64, 8_u64);
        for (name, value) in members {
            let element = self.measure(value).saturating_add(whole(name));
            // An object is walked over by its names.
            self.element = self.element.max(whole(name));
            self.text = self.text.max(whole(name));
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(element);
        }
        self.items = self.items.max(count);
        bytes
    }
}

struct Meter<'a> {
    facts: &'a Facts,
    spent: u64,
    scope: Vec<(&'a str, Bound)>,
}

impl<'a> Meter<'a> {
    /// The bound of the expression's value, its cost having been spent `times` times.
    fn walk(&mut self, expression: &'a IdedExpr, times: u64) -> Bound {
        self.spend(times, 1);
        match &expression.expr {
            Expr::Unspecified | Expr::Struct(_) => Bound::SMALL,
            Expr::Literal(literal) => literal_bound(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.walk(&select.operand, times),
            Expr::List(list) => {
                let parts = list.elements.iter();
                Bound::holding(&parts.map(|part| self.walk(part, times)).collect::<Vec<_>>())
            }
            Expr::Map(map) => {
                let parts = map.entries.iter().flat_map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                    EntryExpr::StructField(field) => vec![&field.value],
                });
                Bound::holding(&parts.map(|part| self.walk(part, times)).collect::<Vec<_>>())
            }
            Expr::Call(call) => {
                let target = call.target.as_deref().into_iter();
                let bounds: Vec<Bound> =
                    target.chain(&call.args).map(|part| self.walk(part, times)).collect();
                let sum = Bound::sum(&bounds);
                self.spend(times, sum.bytes / BYTES_A_STEP);
                made_by(&call.func_name, sum, &bounds)
            }
            Expr::Comprehension(part) => self.walk_loop(part, times),
        }
    }

    fn walk_loop(&mut self, part: &'a ComprehensionExpr, times: u64) -> Bound {
        let range = self.walk(&part.iter_range, times);
        let start = self.walk(&part.accu_init, times);
        let rounds = times.saturating_mul(range.items);
        let element = Bound { bytes: range.element, ..range };
        let depth = self.scope.len();
        self.scope.push((&part.iter_var, element));
        if let Some(second) = &part.iter_var2 {
            self.scope.push((second, range));
        }
        // What one round adds: the value so far is counted once, at the end.
        self.scope.push((&part.accu_var, Bound::SMALL));
        self.walk(&part.loop_cond, rounds);
        let step = self.walk(&part.loop_step, rounds);
        self.walk(&part.result, times);
        self.scope.truncate(depth);
        let whole = Bound {
            bytes: start.bytes.saturating_add(step.bytes.saturating_mul(range.items)),
            items: start.items.saturating_add(step.items.saturating_mul(range.items)),
            text: start.text.max(step.text),
            element: step.bytes.max(start.element),
        };
        // A list that grows is copied in every round.
        self.spend(rounds, whole.bytes / BYTES_A_STEP);
        whole
    }

    fn variable(&self, name: &str) -> Bound {
        let bound = self.scope.iter().rev().find(|(known, _)| *known == name);
        bound.map_or_else(|| Bound::of_claims(self.facts), |(_, bound)| *bound)
    }

    fn spend(&mut self, times: u64, steps: u64) {
        self.spent = self.spent.saturating_add(times.saturating_mul(steps));
    }
}

impl Bound {
    const SMALL: Self = Self { bytes: 8, items: 1, text: 0, element: 8 };

    fn of_claims(facts: &Facts) -> Self {
        let Facts { bytes, items, text, element } = *facts;
        Self { bytes, items, text, element }
    }

    /// Of what is made of all of these: a sum, or a choice among them.
    fn sum(parts: &[Self]) -> Self {
        let add = |of: fn(&Self) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
        Self {
            bytes: add(|part| part.bytes),
            items: add(|part| part.items),
            text: add(|part| part.text),
            element: parts.iter().map(|part| part.element).max().unwrap_or(0),
        }
    }

    /// Of one or the other.
    fn or(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            items: self.items.max(other.items),
            text: self.text.max(other.text),
            element: self.element.max(other.element),
        }
    }

    /// Of a list or map of these.
    fn holding(parts: &[Self]) -> Self {
        let sum = Self::sum(parts);
        let longest = parts.iter().map(|part| part.items).max().unwrap_or(0);
        let element = parts.iter().map(|part| part.bytes).max().unwrap_or(0);
        Self { items: longest.max(whole(parts.len())), element, ..sum }
    }
}

/// What a function makes of values of these bounds.
fn made_by(function: &str, sum: Bound, parts: &[Bound]) -> Bound {
    match function {
        "split" => Bound { items: sum.text.saturating_add(1), ..sum },
        "_?_:_" => parts.iter().skip(1).copied().reduce(Bound::or).unwrap_or(sum),
        "_+_" | "_[_]" | "string" | "lowerAscii" | "upperAscii" | "trim" | "substring" => sum,
        // The rest gives yes or no, or a number.
        _ => Bound::SMALL,
    }
}

fn literal_bound(literal: &LiteralValue) -> Bound {
    let length = match literal {
        LiteralValue::String(text) => whole(text.inner().len()),
        LiteralValue::Bytes(bytes) => whole(bytes.inner().len()),
        _ => 0,
    };
    Bound { bytes: length.saturating_add(8), items: 1, text: length, element: 8 }
}

fn whole(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A machine copies and compares some such many bytes in the time of one step.
const BYTES_A_STEP: u64 = 64;
