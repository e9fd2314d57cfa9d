//! One run of a client's command: the API, the printer, the time, and somebody who can be asked.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Arc;

use super::args::Connection;
use super::client::Api;
use super::error::Error;
use super::print::Printer;
use super::transport::Transport;
use crate::env::Clock;
use crate::kernel::Timestamp;
use crate::wire::api::{Agent, Page, Whoami};

/// What a command works with.
#[derive(Debug)]
pub(super) struct Session<'p> {
    pub(super) api: Api,
    pub(super) print: &'p mut Printer,
    pub(super) clock: Arc<dyn Clock>,
    ask: bool,
}

impl<'p> Session<'p> {
    /// As the command line says.
    pub(super) async fn open(
        connection: &Connection,
        print: &'p mut Printer,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let transport = Transport::open(connection).await?;
        let api = Api::new(transport, connection.realm.as_deref())?;
        let ask = !connection.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
        Ok(Self { api, print, clock, ask })
    }

    /// The time now.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Asks before something is taken away; passes where nobody is there, or `--yes` was said.
    pub(super) fn confirm(&mut self, question: &str) -> Result<(), Error> {
        if !self.ask {
            return Ok(());
        }
        self.print.warn(&format!("{question} [y/N] "))?;
        if is_yes(&mut io::stdin().lock()) { Ok(()) } else { Err(Error::Declined) }
    }

    /// Says that something was done, in either form.
    pub(super) fn done(&mut self, verb: &str, what: &str) -> Result<(), Error> {
        if self.print.is_json() {
            return self.print.json(&serde_json::json!({ "done": verb, "id": what }));
        }
        self.print.line(&format!("{what}: {verb}"))
    }

    /// Removes each of these after one question, and says so of each.
    pub(super) async fn delete_each(
        &mut self,
        collection: &str,
        ids: &[String],
        (question, verb): (&str, &str),
    ) -> Result<(), Error> {
        self.confirm(question)?;
        for id in ids {
            self.api.delete(&[collection, id]).await?;
            self.done(verb, id)?;
        }
        Ok(())
    }

    /// A SPIFFE ID; a bare path is in the realm's own trust domain.
    pub(super) async fn whole_id(&self, text: &str) -> Result<String, Error> {
        if !text.starts_with('/') {
            return Ok(text.to_owned());
        }
        Ok(format!("spiffe://{}{text}", self.trust_domain().await?))
    }

    /// The realm's own trust domain. The server says it to whoever may call it at all.
    pub(super) async fn trust_domain(&self) -> Result<String, Error> {
        let whoami: Whoami = self.api.get(&["whoami"]).await?;
        Ok(whoami.trust_domain)
    }

    /// The agent everybody means where there is only one.
    pub(super) async fn only_agent(&self) -> Result<Agent, Error> {
        let query = [("limit", "2".to_owned()), ("banned", "false".to_owned())];
        let mut page: Page<Agent> = self.api.page(&["agents"], &query).await?;
        match (page.items.pop(), page.items.pop()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(Error::usage(
                "no node has joined yet: `weft token create` lets one in, or say `--parent`",
            )),
            _ => Err(Error::usage(
                "there are several nodes: say `--parent`; `weft node list` shows their SPIFFE IDs",
            )),
        }
    }
}

/// True for `y` and `yes`.
fn is_yes(input: &mut dyn BufRead) -> bool {
    let mut line = String::new();
    let read = input.read_line(&mut line).is_ok();
    read && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (line, yes) in
            [("y\n", true), ("YES\n", true), ("\n", false), ("", false), ("yep\n", false)]
        {
            assert_eq!(is_yes(&mut line.as_bytes()), yes, "{line:?}");
        }
    }
}
