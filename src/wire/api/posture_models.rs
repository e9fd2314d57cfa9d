//! Models of posture: those that a realm scored by, what another would make of its fleet, and scores that are worked out again.

use serde::{Deserialize, Serialize};

use super::Time;
use crate::wire::posture::ScoredDocument;

/// A model that counts or counted in a realm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureModel {
    /// Under which it is kept; 0 is the shipped one where the realm never set any.
    pub number: i64,
    /// True for the one that counts.
    pub active: bool,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its document: stands in every score made with it.
    pub digest: String,
    /// True if it is the one that is shipped, whichever that is.
    pub shipped: bool,
    /// When it was set; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_at: Option<Time>,
    /// Who set it: a person by the number that events know them by.
    #[serde(default)]
    pub set_by: String,
    /// Why.
    #[serde(default)]
    pub note: String,
    /// The number of the one that it is again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<i64>,
    /// The document, in TOML; a listing leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

/// Which model is to count: either a document, or the number of one that counted before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PostureModelInput {
    /// The document, in TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The number under which it is kept; 0 is the one that is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// Why, for whoever reads the history.
    pub note: String,
}

/// A model to be tried on the fleet: either a document, or the number of one that counted before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PostureModelTrialInput {
    /// The document, in TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The number under which it is kept; 0 is the one that is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
}

/// What a model would make of the fleet as it is now. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureModelTrial {
    /// The model's name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of its document.
    pub digest: String,
    /// SHA-256 of the document of the one that counts.
    pub active_digest: String,
    /// How many devices were scored by both.
    pub devices: u64,
    /// How many never reported: no model says anything of them.
    pub silent: u64,
    /// How many have a lower score by it.
    pub scores_fall: u64,
    /// How many have a higher one.
    pub scores_rise: u64,
    /// How many would be at a level no more, for each level that one can fall below.
    pub fall: Vec<PostureModelFall>,
    /// How many would rise to a better level with their next two reports.
    pub levels_rise: u64,
    /// From which level to which at once; those that stay are not told.
    pub moves: Vec<PostureModelMove>,
    /// Those that lose most, worst first.
    pub worst: Vec<PostureModelLoss>,
    /// Signals that it counts, that the one that counts does not know, and that no device of that profile tells.
    pub untold: Vec<PostureModelUntold>,
}

/// How many would fall below a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureModelFall {
    /// The level.
    pub level: String,
    /// Where it begins, in points.
    pub below_points: u8,
    /// How many.
    pub devices: u64,
}

/// How many would go from one level to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureModelMove {
    /// From here.
    pub from: String,
    /// To there.
    pub to: String,
    /// How many.
    pub devices: u64,
}

/// A device that loses by a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureModelLoss {
    /// The device, `dev_…`.
    pub device: String,
    /// What it is called.
    pub name: String,
    /// The profile that it would be scored by.
    pub profile: String,
    /// Its level now, and by the model.
    pub level: String,
    /// See `level`.
    pub level_then: String,
    /// Its score now, and by the model.
    pub score_basis_points: u16,
    /// See `score_basis_points`.
    pub score_then_basis_points: u16,
}

/// A signal that counts and that nobody tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureModelUntold {
    /// In which profile.
    pub profile: String,
    /// The signal.
    pub signal: String,
    /// What it weighs.
    pub weight_basis_points: u16,
    /// How many devices have that profile.
    pub devices: u64,
}

impl PostureModelTrial {
    /// What would happen, a line each.
    pub fn in_words(&self) -> Vec<String> {
        let devices = |n: u64| if n == 1 { "1 device".to_owned() } else { format!("{n} devices") };
        if self.digest == self.active_digest {
            return vec!["This is the model that counts: nothing would change.".to_owned()];
        }
        let mut lines = vec![format!(
            "{} scored by both: {} would have a lower score, {} a higher one.",
            devices(self.devices),
            self.scores_fall,
            self.scores_rise,
        )];
        for fall in self.fall.iter().filter(|fall| fall.devices > 0) {
            let (count, below) = (devices(fall.devices), fall.below_points);
            lines.push(format!(
                "{count} would fall below {below}, and be `{}` no more.",
                fall.level
            ));
        }
        if self.fall.iter().all(|fall| fall.devices == 0) {
            lines.push("No device would fall to another level.".to_owned());
        }
        if self.levels_rise > 0 {
            let count = devices(self.levels_rise);
            lines
                .push(format!("{count} would rise to a better level with their next two reports."));
        }
        if self.silent > 0 {
            let count = devices(self.silent);
            lines.push(format!("{count} never reported: no model says anything of those."));
        }
        lines.extend(self.untold.iter().map(|one| {
            let weight = points(one.weight_basis_points);
            let (signal, profile) = (&one.signal, &one.profile);
            format!(
                "No device tells of `{signal}`, which weighs {weight} in {profile}: is the name right?"
            )
        }));
        lines
    }
}

/// 1550 is 15.50.
fn points(basis: u16) -> String {
    format!("{}.{:02}", basis / 100, basis % 100)
}

/// A score that was said of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PostureReplayInput {
    /// The device, `dev_…`.
    pub device: String,
    /// What was said, as `GET /devices/{id}/posture` had it in `scored`.
    pub scored: ScoredDocument,
}

/// The same score worked out again, and whether it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureReplay {
    /// True if it is, to the byte.
    pub equal: bool,
    /// Where it is not.
    pub differences: Vec<ReplayDifference>,
    /// What came out now.
    pub scored: ScoredDocument,
}

/// A place at which two scores differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReplayDifference {
    /// Where, as a JSON pointer.
    pub at: String,
    /// What was said; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// What came out now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
}
