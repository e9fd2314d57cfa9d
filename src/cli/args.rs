//! The tree of commands, and the options that say where the server is.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::delivery;
use super::error::Error;
use super::session::Session;
use super::sessions;
use super::{
    agent, authority, bundle, clients, containment, device, entry, event, login, node, overview,
    policy, posture, realm, role, server,
};
use super::{status, token, upstream, user, workload};
use crate::wire::launch::ServerLaunch;

/// Short-lived identities for every workload on every node.
#[derive(Debug, Parser)]
#[command(name = "weft", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const AFTER_HELP: &str =
    "Exit codes: 0 done, 1 refused or failed, 2 not understood, 3 not reachable.";

/// Where the server is, and how answers look.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = REACHING)]
pub(super) struct Connection {
    /// The local socket of a server on this machine [default: `admin.sock` in its data directory].
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "WEFT_SERVER_SOCKET",
        conflicts_with = "server"
    )]
    pub(super) server_socket: Option<PathBuf>,
    /// A server elsewhere, `https://host:8444` with --svid-socket or `https://host:8443` with --token-file. For `weft login`:
    /// its issuer.
    #[arg(long, global = true, value_name = "URL", env = "WEFT_SERVER")]
    pub(super) server: Option<String>,
    /// Show the X.509-SVID from this Workload API socket.
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) svid_socket: Option<PathBuf>,
    /// Show the JWT-SVID in this file; its audience is `<issuer>/api`. For `weft device enroll`: the token to enrol with.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// PEM file with the certificates to check the server against, instead of the system's.
    #[arg(long, global = true, value_name = "FILE", visible_alias = "ca")]
    pub(super) server_ca: Option<PathBuf>,
    /// The realm, where a server has several.
    #[arg(long, global = true, value_name = "NAME", env = "WEFT_REALM")]
    pub(super) realm: Option<String>,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub(super) output: Output,
    /// Do not ask before something is taken away.
    #[arg(long, short = 'y', global = true)]
    pub(super) yes: bool,
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people.
    #[default]
    Table,
    /// The API's documents.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve: the fabric itself.
    Server(server::ServeArgs),
    /// Look after this node: join the fabric, and serve the Workload API.
    Agent(agent::AgentArgs),
    /// Join tokens: what lets a new agent in.
    #[command(subcommand, visible_alias = "tokens")]
    Token(token::TokenCommand),
    /// Registration entries: which workload is who.
    #[command(subcommand, visible_alias = "entries")]
    Entry(entry::EntryCommand),
    /// Nodes: the agents that have joined.
    #[command(subcommand, visible_alias = "nodes")]
    Node(node::NodeCommand),
    /// Trust bundles, ours and foreign ones.
    #[command(subcommand, visible_alias = "bundles")]
    Bundle(bundle::BundleCommand),
    /// Signing authorities and their rotation.
    #[command(subcommand, visible_alias = "authorities")]
    Authority(authority::AuthorityCommand),
    /// What happened.
    #[command(subcommand, visible_alias = "events")]
    Event(event::EventCommand),
    /// Realms: trust domains on one server.
    #[command(subcommand, visible_alias = "realms")]
    Realm(realm::RealmCommand),
    /// OAuth clients: the applications that may ask for tokens.
    #[command(subcommand, visible_alias = "clients")]
    Client(clients::ClientCommand),
    /// Who may do what.
    #[command(subcommand, visible_alias = "roles")]
    Role(role::RoleCommand),
    /// People: who may sign in, and with what.
    #[command(subcommand, visible_alias = "users")]
    User(user::UserCommand),
    /// Browsers that are signed in.
    #[command(subcommand, visible_alias = "sessions")]
    Session(sessions::SessionCommand),
    /// Contain a device, person, workload or application: for a while it gets nothing, and what it has ends.
    Contain(containment::ContainArgs),
    /// Release what was contained, before its time.
    Release(containment::ReleaseArgs),
    /// List who is contained.
    Contained,
    /// Letters and logout notices that did not arrive yet.
    #[command(subcommand, visible_alias = "deliveries")]
    Delivery(delivery::DeliveryCommand),
    /// Groups of people.
    #[command(subcommand, visible_alias = "groups")]
    Group(user::GroupCommand),
    /// The first administrator.
    #[command(subcommand)]
    Admin(user::AdminCommand),
    /// Cedar policies.
    #[command(subcommand, visible_alias = "policies")]
    Policy(policy::PolicyCommand),
    /// Identity providers that people come through.
    #[command(subcommand, visible_alias = "upstreams")]
    Upstream(upstream::UpstreamCommand),
    /// Sign in as a person, with a browser; get an X.509-SVID.
    Login(login::LoginArgs),
    /// The SVIDs of who signed in on this machine: renewed when half their life is over.
    Svid(login::SvidArgs),
    /// End the sign-in of this machine, here and at the server.
    Logout,
    /// Devices: this machine as one, and those of the realm.
    #[command(subcommand, visible_alias = "devices")]
    Device(device::DeviceCommand),
    /// Scores of devices, and the models behind them, worked out here without a server.
    #[command(subcommand)]
    Posture(posture::PostureCommand),
    /// Who you are signed in as; else, or where the command says how to reach a server, who that takes you for.
    Whoami,
    /// How the server is.
    Status,
    /// Be a workload: ask this node's agent for identities.
    #[command(subcommand)]
    Workload(workload::WorkloadCommand),
    /// The server's settings.
    #[command(subcommand)]
    Config(server::ConfigCommand),
    /// The keys that seal everything else.
    #[command(subcommand)]
    Keys(server::KeysCommand),
    /// Copy the database into a file, while the server runs.
    Backup(server::FileArgs),
    /// Start a new history from a backup; the server must not run.
    Restore(server::FileArgs),
    /// Look at the whole installation, and say what to do.
    Doctor(server::SourceArgs),
    /// Print a completion script for a shell.
    Completion(overview::CompletionArgs),
}

impl Command {
    /// A command that needs the server's inside, or else the same command.
    pub(super) fn server(self, connection: &Connection) -> Result<ServerLaunch, Box<Self>> {
        server::launch(self, connection)
    }

    /// Runs a client's command.
    pub(super) async fn run(self, session: &mut Session<'_>) -> Result<(), Error> {
        match self {
            Self::Token(command) => token::run(command, session).await,
            Self::Entry(command) => entry::run(command, session).await,
            Self::Node(command) => node::run(command, session).await,
            Self::Bundle(command) => bundle::run(command, session).await,
            Self::Authority(command) => authority::run(command, session).await,
            Self::Event(command) => event::run(command, session).await,
            Self::Realm(command) => realm::run(command, session).await,
            Self::Client(command) => clients::run(command, session).await,
            Self::Role(command) => role::run(command, session).await,
            Self::User(command) => user::run(command, session).await,
            Self::Delivery(command) => delivery::run(command, session).await,
            Self::Session(command) => sessions::run(command, session).await,
            Self::Contain(args) => containment::contain(args, session).await,
            Self::Release(args) => containment::release(args, session).await,
            Self::Contained => containment::list(session).await,
            Self::Group(command) => user::group(command, session).await,
            Self::Admin(command) => user::admin(command, session).await,
            Self::Device(command) => device::run(command, session).await,
            Self::Policy(command) => policy::run(command, session).await,
            Self::Posture(command) => posture::run(command, session).await,
            Self::Upstream(command) => upstream::run(command, session).await,
            Self::Whoami => status::whoami(session).await,
            Self::Status => status::status(session).await,
            // The others were taken before: they need no server to talk to.
            Self::Server(_)
            | Self::Login(_)
            | Self::Svid(_)
            | Self::Logout
            | Self::Agent(_)
            | Self::Workload(_)
            | Self::Config(_)
            | Self::Keys(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Doctor(_)
            | Self::Completion(_) => Ok(()),
        }
    }
}

/// The whole tree. Commands that talk to no server do not show the options that say where it is.
pub(super) fn tree() -> clap::Command {
    let mut tree = Cli::command();
    tree.build();
    for name in LOCAL {
        tree = tree.mut_subcommand(name, hide_connection);
    }
    tree
}

/// Commands that talk to no server.
const LOCAL: [&str; 10] = [
    "server",
    "agent",
    "svid",
    "logout",
    "config",
    "keys",
    "backup",
    "restore",
    "doctor",
    "completion",
];

fn hide_connection(command: clap::Command) -> clap::Command {
    let nested: Vec<String> =
        command.get_subcommands().map(|nested| nested.get_name().to_owned()).collect();
    let hidden = command.mut_args(|argument| {
        let connection = argument.get_help_heading() == Some(REACHING);
        if connection { argument.hide(true) } else { argument }
    });
    nested.into_iter().fold(hidden, |command, name| command.mut_subcommand(name, hide_connection))
}

const REACHING: &str = "Reaching the server";
