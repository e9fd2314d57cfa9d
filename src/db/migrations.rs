//! The list of migrations, oldest first. A slice that adds one adds its line here and a file of the same name for each
//! engine under `migrations/`.

use super::migrate::Migration;

/// One migration from its number, its name and the level of the oldest binary that can live with it.
macro_rules! migration {
    ($number:literal, $name:literal, oldest $oldest:literal) => {
        Migration {
            number: $number,
            name: $name,
            oldest: $oldest,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }
    };
}

/// All of them. The level of a binary is the number of the last one it knows.
pub(super) const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_core", oldest 1),
    migration!(2, "0002_events", oldest 2),
    migration!(3, "0003_realms", oldest 3),
    migration!(4, "0004_authority", oldest 4),
    migration!(5, "0005_nodes", oldest 5),
    migration!(6, "0006_workloads", oldest 6),
    migration!(7, "0007_accounts", oldest 6),
    migration!(8, "0008_sessions", oldest 6),
    migration!(9, "0009_oauth", oldest 6),
    migration!(10, "0010_upstreams", oldest 6),
    migration!(11, "0011_oidc_keys", oldest 11),
    migration!(12, "0012_brand", oldest 11),
    migration!(13, "0013_devices", oldest 11),
    migration!(14, "0014_posture", oldest 11),
    migration!(15, "0015_on_device", oldest 15),
    migration!(16, "0016_posture_sources", oldest 16),
    migration!(17, "0017_containment", oldest 17),
    migration!(18, "0018_osquery", oldest 17),
    migration!(19, "0019_posture_services", oldest 17),
    migration!(20, "0020_session_on_device", oldest 20),
    migration!(21, "0021_posture_models", oldest 20),
    migration!(22, "0022_contained_by", oldest 20),
    migration!(23, "0023_passkey_declined", oldest 20),
    migration!(24, "0024_asked_device", oldest 24),
    migration!(25, "0025_levels", oldest 25),
    migration!(26, "0026_found_by_person", oldest 25),
];
