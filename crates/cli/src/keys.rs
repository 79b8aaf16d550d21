//! `lentil keys` and its stock twin `keygen`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use lentil_identity::{AdminKeys, InstanceSecret};

use crate::credentials;
use crate::options::{Keygen, KeysOptions};

/// Prints the key alone on stdout, so that `$(lentil keys)` works; what it is goes to stderr.
pub(crate) fn main(options: &KeysOptions) -> anyhow::Result<()> {
    let data = credentials::data_folder(&options.place, None);
    let credentials = credentials::load_or_make(&options.place, &data)?;
    eprintln!(
        "Admin key{} of {}:",
        if options.read_only {
            " (read-only)"
        } else {
            ""
        },
        credentials.name
    );
    println!(
        "{}",
        credentials.keys.mint(0, options.read_only, now_secs())
    );
    Ok(())
}

/// Mints a key from what is on the command line alone.
pub(crate) fn keygen(what: &Keygen) -> anyhow::Result<()> {
    let Keygen::AdminKey {
        instance_name,
        instance_secret,
    } = what;
    let secret = InstanceSecret::from_hex(instance_secret)
        .map_err(|error| anyhow!("--instance-secret: {error}"))?;
    println!(
        "{}",
        AdminKeys::new(instance_name, secret).mint(0, false, now_secs())
    );
    Ok(())
}

/// Seconds since the epoch, at least 1: a key issued at 0 is refused.
pub(crate) fn now_secs() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |elapsed| elapsed.as_secs().max(1))
}
