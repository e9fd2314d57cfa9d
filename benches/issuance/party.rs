//! A server and everybody who asks it for something.

use crate::Outcome;
use crate::agent::Agent;
use crate::application::Application;
use crate::load;
use crate::operation::{Call, Row};
use crate::people::People;
use crate::server::Server;

/// A server, an agent, an application, and maybe people.
pub(crate) struct Party {
    pub(crate) server: Server,
    agent: Agent,
    application: Application,
    people: Option<People>,
}

impl Party {
    /// The agent joins, the application is registered.
    pub(crate) async fn meet(server: Server) -> Outcome<Self> {
        let agent = Agent::join(&server).await?;
        let application = Application::register(&server).await?;
        Ok(Self { server, agent, application, people: None })
    }

    /// The same with people, at a server that is told passwords.
    pub(crate) async fn with_people(server: Server) -> Outcome<Self> {
        let mut party = Self::meet(server).await?;
        party.people = Some(People::register(&mut party.server).await?);
        Ok(party)
    }

    /// What a row needs before it is measured.
    pub(crate) async fn prepare(&self, row: &Row) -> Outcome<()> {
        match row.call {
            Call::SeenToken => self.application.see_token().await,
            Call::NewToken => {
                self.application.keep_tokens(true);
                load::calls(Call::Machine, self, (row.flight, row.calls)).await?;
                self.application.keep_tokens(false);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Makes one call, and fails unless the answer is what was asked for.
    pub(crate) async fn make(&self, call: Call) -> Outcome<()> {
        match call {
            Call::Empty | Call::X509(_) | Call::Jwt | Call::Connect | Call::Attest => {
                self.agent.make(call).await
            }
            Call::Options | Call::Machine | Call::SeenToken | Call::NewToken => {
                self.application.make(call).await
            }
            Call::Refresh => self.people()?.refresh().await,
            Call::SignIn => self.people()?.sign_in().await.map(drop),
        }
    }

    fn people(&self) -> Outcome<&People> {
        self.people.as_ref().ok_or_else(|| "there is nobody".into())
    }
}
