//! `weft workload fetch`: the SVIDs of this process, once.

use serde_json::{Value, json};
use weft_proto::workload::{Jwtsvid, JwtsvidRequest, X509svidRequest, X509svidResponse};

use super::super::error::Error;
use super::super::print::Printer;
use super::super::table::Fields;
use super::super::value;
use super::connect::{Workload, request};
use super::identity::{certificates, leaf};
use super::{FetchArgs, Kind, write};
use crate::crypto::digest::from_base64url;
use crate::kernel::Timestamp;
use crate::wire::api::Time;

pub(super) async fn run(
    fetch: FetchArgs,
    print: &mut Printer,
    now: Timestamp,
) -> Result<(), Error> {
    match (fetch.kind, fetch.audience.is_empty()) {
        (Kind::X509, true) => x509(fetch, print, now).await,
        (Kind::Jwt, false) if fetch.audience.len() > 1 && !fetch.several_audiences => {
            Err(Error::usage(SEVERAL))
        }
        (Kind::Jwt, false) => jwt(fetch, print, now).await,
        (Kind::X509, false) => Err(Error::usage("only a JWT-SVID has an audience: `fetch jwt`")),
        (Kind::Jwt, true) => Err(Error::usage("a JWT-SVID is for somebody: say `--audience`")),
    }
}

/// JWT-SVID §7.2.
const SEVERAL: &str = "a token for several audiences can be shown by each of them to the others: fetch one for each, or \
     say `--several-audiences`";

async fn x509(fetch: FetchArgs, print: &mut Printer, now: Timestamp) -> Result<(), Error> {
    let mut workload = Workload::open(&fetch.socket).await?;
    let answer = workload.api.fetch_x509svid(request(X509svidRequest {})).await;
    let mut stream = answer.map_err(|status| workload.refusal(&status))?.into_inner();
    let message = stream.message().await.map_err(|status| workload.refusal(&status))?;
    let mut message = message.ok_or_else(|| Error::local("the agent closed the stream"))?;
    if let Some(id) = &fetch.spiffe_id {
        message.svids.retain(|svid| svid.spiffe_id == *id);
        if message.svids.is_empty() {
            return Err(Error::local(format!("this process is not {id}")));
        }
    }
    show(&message, print, now)?;
    match &fetch.write {
        Some(directory) => write::x509(directory, &message, print),
        None => Ok(()),
    }
}

/// What a message says, without its keys.
pub(super) fn show(
    message: &X509svidResponse,
    print: &mut Printer,
    now: Timestamp,
) -> Result<(), Error> {
    let mut documents = Vec::new();
    for (at, svid) in message.svids.iter().enumerate() {
        let view = leaf(&svid.x509_svid)?;
        let authorities = certificates(&svid.bundle)?.len();
        if print.is_json() {
            documents.push(json!({
                "spiffe_id": svid.spiffe_id, "hint": svid.hint, "serial": view.serial,
                "not_before": Time(view.not_before), "expires_at": Time(view.not_after),
                "dns_names": view.dns_names, "authorities": authorities,
                "federates_with": message.federated_bundles.keys().collect::<Vec<_>>(),
            }));
            continue;
        }
        let mut fields = Fields::default();
        fields.add("SPIFFE ID", &svid.spiffe_id);
        fields.add("hint", &svid.hint);
        fields.add("ends", value::moment(Time(view.not_after), now));
        fields.add("serial", view.serial);
        fields.list("DNS names", &view.dns_names);
        let authorities = match authorities {
            1 => "1 authority".to_owned(),
            more => format!("{more} authorities"),
        };
        fields.add("checked by", format!("{authorities} of its trust domain"));
        let federated: Vec<String> = message.federated_bundles.keys().cloned().collect();
        fields.list("federates with", &federated);
        let gap = if at == 0 { "" } else { "\n" };
        print.raw(format!("{gap}{}", fields.render()).as_bytes())?;
    }
    if print.is_json() { print.json(&documents) } else { Ok(()) }
}

async fn jwt(fetch: FetchArgs, print: &mut Printer, now: Timestamp) -> Result<(), Error> {
    let mut workload = Workload::open(&fetch.socket).await?;
    let ask =
        JwtsvidRequest { audience: fetch.audience, spiffe_id: fetch.spiffe_id.unwrap_or_default() };
    let answer = workload.api.fetch_jwtsvid(request(ask)).await;
    let svids = answer.map_err(|status| workload.refusal(&status))?.into_inner().svids;
    if let Some(directory) = &fetch.write {
        return write::jwt(directory, &svids, print);
    }
    if print.is_json() {
        let documents: Vec<Value> = svids.iter().map(document).collect();
        return print.json(&documents);
    }
    for svid in &svids {
        let ends = expiry(&svid.svid);
        let ends = ends.map(|ends| format!(", ends {}", value::moment(ends, now)));
        print.note(&format!("{}{}", svid.spiffe_id, ends.unwrap_or_default()))?;
        print.line(&svid.svid)?;
    }
    Ok(())
}

fn document(svid: &Jwtsvid) -> Value {
    json!({
        "spiffe_id": svid.spiffe_id, "hint": svid.hint, "token": svid.svid,
        "expires_at": expiry(&svid.svid),
    })
}

/// What the token says of its end; the agent has checked it.
fn expiry(token: &str) -> Option<Time> {
    let claims: Value = serde_json::from_slice(&from_base64url(token.split('.').nth(1)?)?).ok()?;
    Some(Time(Timestamp::from_seconds(claims.get("exp")?.as_i64()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_token_is_read_from_it() {
        let claims = crate::crypto::digest::base64url(br#"{"exp":1700000000}"#);
        let ends = expiry(&format!("h.{claims}.s"));
        assert_eq!(ends, Some(Time(Timestamp::from_seconds(1_700_000_000))));
        assert_eq!(expiry("h.!.s"), None);
        assert_eq!(expiry("none"), None);
    }
}
