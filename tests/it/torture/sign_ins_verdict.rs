//! What is left of sign-ins when all is quiet, held against what browsers and applications were told.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use uuid::Uuid;
use weft::crypto::digest::sha256;
use weft::kernel::{Fault, GrantId, RealmId};
use weft::testkit::TestDatabase;

use super::sign_ins::{Book, Family, Outcome, outcome};
use crate::people::{App, Home, redemption, refreshment};
use crate::walker::Browser;

/// What should not be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flaws {
    pub(super) codes_used_twice: u64,
    pub(super) tokens_lost: u64,
    pub(super) sessions_half_made: u64,
}

/// The row of a family: what counts now, and how often it was rotated.
type Row = (Vec<u8>, i64);

impl Flaws {
    pub(super) fn add(&mut self, other: &Self) {
        self.codes_used_twice += other.codes_used_twice;
        self.tokens_lost += other.tokens_lost;
        self.sessions_half_made += other.sessions_half_made;
    }

    /// Looks at the rows first, and then asks the server, which changes them.
    pub(super) async fn find(database: &TestDatabase, home: &Home, app: &App, book: Book) -> Self {
        let (rows, half) = stored(database).await;
        let mut flaws =
            Self { codes_used_twice: book.twice, tokens_lost: book.lost, ..Self::default() };
        flaws.sessions_half_made = half + signed_out(home, book.browsers).await;
        for family in &book.families {
            flaws.tokens_lost += u64::from(!holds(home, app, family, &rows).await);
        }
        // Last, because it takes back what the code gave.
        for code in &book.codes {
            let again = outcome(home.try_as_app("/token", app, &redemption(code)).await);
            flaws.codes_used_twice += u64::from(!matches!(again, Outcome::Refused));
        }
        flaws
    }
}

/// True if the last token that came counts, and is taken; or if it was shown without an answer, and its one successor counts.
async fn holds(home: &Home, app: &App, family: &Family, rows: &BTreeMap<String, Row>) -> bool {
    let Some((grant, generation, digest)) = read(&family.token) else { return false };
    match rows.get(&grant) {
        Some((counts, _)) if *counts == digest => {}
        Some((_, now)) => return family.in_doubt && *now == generation + 1,
        None => return false,
    }
    let form = refreshment(&family.token);
    let Ok(answer) = home.try_as_app("/token", app, &form).await else { return false };
    let token = answer.member("access_token");
    answer.status == 200 && home.bearing(Method::GET, "/userinfo", token).await.status == 200
}

/// The grant, the generation and the digest of a refresh token, as its text has them.
fn read(token: &str) -> Option<(String, i64, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("wrt_")?).ok()?;
    let (grant, rest) = bytes.split_first_chunk::<16>()?;
    let (generation, _) = rest.split_first_chunk::<4>()?;
    let grant = GrantId::new(Uuid::from_bytes(*grant)).to_string();
    Some((grant, u32::from_be_bytes(*generation).into(), sha256(&bytes).to_vec()))
}

/// Browsers that were signed in and are not any more.
async fn signed_out(home: &Home, browsers: Vec<Browser>) -> u64 {
    let mut out = 0;
    for mut browser in browsers {
        let shown = browser.get(&home.url("/account")).await.unwrap();
        out += u64::from((shown.status, shown.url.path()) != (200, "/account"));
    }
    out
}

/// The families, and how many rows lack what belongs to them.
async fn stored(database: &TestDatabase) -> (BTreeMap<String, Row>, u64) {
    let db = super::verdict::open(database).await;
    let read: Result<_, Fault> = db
        .read(RealmId::FIRST, (), |tx, ()| {
            Box::pin(async move {
                let families = tx.rows(FAMILIES, &[]).await?;
                let mut numbers = Vec::new();
                for sql in [
                    SESSIONS,
                    OPENED,
                    LONELY_SESSIONS,
                    LONELY_GRANTS,
                    LONELY_CODES,
                    LONELY_FAMILIES,
                ] {
                    let row = tx.row(sql, &[]).await?;
                    numbers.push(row.map_or(Ok(0), |row| row.int("n"))?);
                }
                Ok((families, numbers))
            })
        })
        .await;
    let (families, numbers) = read.unwrap();
    let row = |row: &weft::db::Row| {
        Ok::<_, Fault>((row.text("grant_id")?, (row.bytes("digest")?, row.int("generation")?)))
    };
    let families = families.iter().map(row).collect::<Result<_, _>>().unwrap();
    let [sessions, opened, lonely @ ..] = numbers.as_slice() else { panic!("{numbers:?}") };
    let half = sessions.abs_diff(*opened) + lonely.iter().map(|n| n.unsigned_abs()).sum::<u64>();
    assert!(*sessions > 0, "nobody signed in");
    (families, half)
}

const FAMILIES: &str = "SELECT grant_id, digest, generation FROM refresh_token WHERE realm = $1";
const SESSIONS: &str = "SELECT count(*) AS n FROM session WHERE realm = $1";
/// What is told of each session is written with it: in the ledger, or still waiting for its number there.
const OPENED: &str = "SELECT (SELECT count(*) FROM ledger WHERE realm = $1 AND kind = 'session.opened') + \
    (SELECT count(*) FROM ledger_unnumbered WHERE realm = $1 AND kind = 'session.opened') AS n";
const LONELY_SESSIONS: &str = "SELECT count(*) AS n FROM session s WHERE s.realm = $1 AND NOT EXISTS \
    (SELECT 1 FROM user_account u WHERE u.realm = s.realm AND u.id = s.user_id)";
const LONELY_GRANTS: &str = "SELECT count(*) AS n FROM oauth_grant g WHERE g.realm = $1 AND NOT EXISTS \
    (SELECT 1 FROM session s WHERE s.realm = g.realm AND s.id = g.session_id)";
const LONELY_CODES: &str = "SELECT count(*) AS n FROM authorization_code c WHERE c.realm = $1 AND NOT EXISTS \
    (SELECT 1 FROM oauth_grant g WHERE g.realm = c.realm AND g.id = c.grant_id)";
const LONELY_FAMILIES: &str = "SELECT count(*) AS n FROM refresh_token r WHERE r.realm = $1 AND NOT EXISTS \
    (SELECT 1 FROM oauth_grant g WHERE g.realm = r.realm AND g.id = r.grant_id)";
