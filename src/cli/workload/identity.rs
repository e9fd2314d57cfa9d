//! One X.509 identity as it came from the Workload API, and its PEM forms.

use weft_proto::workload::{X509svid, X509svidRequest};
use zeroize::Zeroizing;

use super::super::error::Error;
use super::connect::{Workload, request};
use crate::crypto::x509::{CertificateView, pem, split_chain};

/// The first identity of this process, to show to a server.
pub(in crate::cli) struct Identity(X509svid);

impl Identity {
    /// From this socket.
    pub(in crate::cli) async fn fetch(socket: &str) -> Result<Self, Error> {
        let mut workload = Workload::at(socket).await?;
        let answer = workload.api.fetch_x509svid(request(X509svidRequest {})).await;
        let mut stream = answer.map_err(|status| workload.refusal(&status))?.into_inner();
        let message = stream.message().await.map_err(|status| workload.refusal(&status))?;
        let first = message.and_then(|message| message.svids.into_iter().next());
        first.map(Self).ok_or_else(|| Error::local("the agent answered without an X.509-SVID"))
    }

    /// Chain and key in one text.
    pub(in crate::cli) fn pem(&self) -> Zeroizing<String> {
        let mut text = chain_pem(&self.0.x509_svid).unwrap_or_default();
        text.push_str(&key_pem(&self.0));
        Zeroizing::new(text)
    }
}

/// The certificates of a chain that came as one text of DER.
pub(super) fn chain_pem(der: &[u8]) -> Result<String, Error> {
    Ok(certificates(der)?
        .iter()
        .map(|certificate| pem("CERTIFICATE", certificate).to_string())
        .collect())
}

/// The certificates, one by one.
pub(super) fn certificates(der: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    split_chain(der)
        .map_err(|error| Error::local(format!("the agent's certificates cannot be read: {error}")))
}

/// The leaf of a chain.
pub(super) fn leaf(der: &[u8]) -> Result<CertificateView, Error> {
    let chain = certificates(der)?;
    let leaf = chain.first().ok_or_else(|| Error::local("the agent's X.509-SVID is empty"))?;
    CertificateView::parse(leaf)
        .map_err(|error| Error::local(format!("the agent's X.509-SVID cannot be read: {error}")))
}

/// The private key.
pub(super) fn key_pem(svid: &X509svid) -> Zeroizing<String> {
    pem("PRIVATE KEY", &svid.x509_svid_key)
}
