//! `weft workload validate`: the agent checks a JWT-SVID, and says what it says.

use prost_types::value::Kind;
use serde_json::{Map, Number, Value, json};
use weft_proto::workload::ValidateJwtsvidRequest;

use super::super::error::Error;
use super::super::input;
use super::super::print::Printer;
use super::ValidateArgs;
use super::connect::{Workload, request};

pub(super) async fn run(validate: ValidateArgs, print: &mut Printer) -> Result<(), Error> {
    let file = validate.token_file.ok_or_else(|| Error::usage("say `--token-file`"))?;
    let svid = input::secret(&file)?;
    let mut workload = Workload::open(&validate.socket).await?;
    let ask = ValidateJwtsvidRequest { audience: validate.audience, svid };
    let answer = workload.api.validate_jwtsvid(request(ask)).await;
    let answer = answer.map_err(|status| match status.code() {
        tonic::Code::InvalidArgument => {
            Error::local(format!("the token is not valid: {}", status.message()))
        }
        _ => workload.refusal(&status),
    })?;
    let answer = answer.into_inner();
    let claims = answer.claims.map(|claims| object(claims.fields)).unwrap_or_default();
    if print.is_json() {
        return print.json(&json!({ "spiffe_id": answer.spiffe_id, "claims": claims }));
    }
    print.note("The token is valid. It names")?;
    print.line(&answer.spiffe_id)?;
    let text = serde_json::to_string_pretty(&claims)
        .map_err(|error| Error::local(format!("the claims are no document: {error}")))?;
    print.note(&format!("with the claims\n{text}"))
}

fn object(fields: impl IntoIterator<Item = (String, prost_types::Value)>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name, plain(value))).collect()
}

/// A protobuf value as JSON; a whole number comes back as one (protobuf knows fractions only).
fn plain(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => Value::Bool(flag),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::NumberValue(number)) => {
            let whole =
                format!("{number:.0}").parse::<i64>().ok().filter(|_| number.fract() == 0.0);
            whole.map_or_else(
                || Number::from_f64(number).map_or(Value::Null, Value::Number),
                |whole| Value::Number(whole.into()),
            )
        }
        Some(Kind::ListValue(list)) => list.values.into_iter().map(plain).collect(),
        Some(Kind::StructValue(nested)) => Value::Object(object(nested.fields)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_come_back_as_they_were() {
        let number = |number| prost_types::Value { kind: Some(Kind::NumberValue(number)) };
        assert_eq!(plain(number(1_700_000_000.0)), json!(1_700_000_000));
        assert_eq!(plain(number(0.5)), json!(0.5));
        assert_eq!(plain(prost_types::Value { kind: None }), Value::Null);
    }
}
