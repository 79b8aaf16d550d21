//! Where admin keys are used from: noted in memory as they come, and kept so that it is known after
//! a restart (dashboard C6, A13).
//!
//! Not the key is remembered but what it says of itself: whose it is, what it may, when it was
//! issued. What a proxy says of its clients is not believed: behind one, its own address is noted.

use std::collections::HashMap;
use std::net::IpAddr;

use lentil_catalog::{KeyUse, NOTED_EVERY_MS};
use lentil_identity::{AdminKey, Member};
use parking_lot::Mutex;

use crate::Functions;
use crate::errors::from_transaction;
use crate::introspection::now_ms;
use crate::transact::transact;

const WHAT: &str = "where admin keys are used from could not be kept";
/// Pairs of a key and an address that are held in memory.
const HELD_MAX: usize = 4_096;
/// All addresses of this machine.
const LOOPBACK: &str = "this machine";

/// What was used from where since the server began.
#[derive(Debug, Default)]
pub(crate) struct KeyUses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When each was noted, ms.
    noted: HashMap<(AdminKey, IpAddr), f64>,
    /// What is to be kept, in the order in which it came.
    pending: Vec<(String, String, f64)>,
    /// Whether any of it comes from elsewhere.
    urgent: bool,
}

/// One address a machine: a loopback address is as good as another, an IPv4 address may be written
/// in the form of IPv6, and who has an IPv6 network changes the last half of the address as they
/// like.
fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(own) if own.is_loopback() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        IpAddr::V6(network) if !network.is_loopback() => {
            let mut parts = network.segments();
            parts[4..].fill(0);
            IpAddr::V6(parts.into())
        }
        other => other,
    }
}

fn shown(address: IpAddr) -> String {
    match address {
        own if own.is_loopback() => LOOPBACK.to_owned(),
        IpAddr::V4(one) => one.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}

/// What a key says of itself.
fn name_of(key: AdminKey) -> String {
    let member = match key.member {
        Member::Id(id) => id.to_string(),
        Member::System => "system".to_owned(),
    };
    let rights = if key.read_only { "reading" } else { "writing" };
    format!("{member} {rights} {}", key.issued_secs)
}

impl KeyUses {
    fn note(&self, key: AdminKey, address: IpAddr, at_ms: f64) {
        let address = canonical(address);
        let mut state = self.0.lock();
        if let Some(noted) = state.noted.get(&(key, address))
            && at_ms < noted + NOTED_EVERY_MS
        {
            return;
        }
        if state.noted.len() >= HELD_MAX {
            // They are noted again, which says nothing new.
            state.noted.clear();
        }
        state.noted.insert((key, address), at_ms);
        if state.pending.len() < HELD_MAX {
            state.urgent |= !address.is_loopback();
            state.pending.push((name_of(key), shown(address), at_ms));
        }
    }

    /// What is to be kept now. Uses from this machine can wait for a while: they tell of nobody.
    fn take(&self, all: bool) -> Vec<(String, String, f64)> {
        let mut state = self.0.lock();
        if !all && !state.urgent {
            return Vec::new();
        }
        state.urgent = false;
        std::mem::take(&mut state.pending)
    }

    fn put_back(&self, mut uses: Vec<(String, String, f64)>) {
        let mut state = self.0.lock();
        state.urgent = true;
        uses.append(&mut state.pending);
        state.pending = uses;
    }
}

impl Functions {
    /// An admin key was shown by somebody at an address.
    pub fn admin_key_used(&self, key: AdminKey, address: IpAddr) {
        self.inner().key_uses.note(key, address, now_ms());
    }

    /// Keeps what is new. To be called now and then; `all` if it is not to wait.
    pub(crate) async fn keep_key_uses(&self, all: bool) {
        let uses = self.inner().key_uses.take(all);
        if uses.is_empty() {
            return;
        }
        let kept = uses.clone();
        let done = transact(self.database().clone(), WHAT, move |tx| {
            for (key, address, at_ms) in &kept {
                KeyUse::note(tx, key, address, *at_ms)
                    .map_err(|error| from_transaction(error.into()))?;
            }
            Ok(())
        });
        if done.await.is_err() {
            tracing::warn!("{WHAT}; it is tried again");
            self.inner().key_uses.put_back(uses);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: AdminKey = AdminKey {
        member: Member::Id(0),
        read_only: false,
        issued_secs: 7,
    };

    #[test]
    fn addresses_that_are_one_machine_are_one() {
        let text = |address: &str| shown(canonical(address.parse().expect("it is an address")));
        assert_eq!(text("127.0.0.1"), LOOPBACK);
        assert_eq!(text("127.8.0.1"), LOOPBACK);
        assert_eq!(text("::1"), LOOPBACK);
        assert_eq!(text("::ffff:127.0.0.1"), LOOPBACK);
        assert_eq!(text("::ffff:10.0.0.7"), "10.0.0.7");
        assert_eq!(text("2001:db8:1:2:aaaa:1:2:3"), "2001:db8:1:2::/64");
        assert_eq!(name_of(KEY), "0 writing 7");
    }

    #[test]
    fn what_comes_from_elsewhere_is_kept_at_once_and_once_a_day() {
        let uses = KeyUses::default();
        let from = |address: &str| address.parse().expect("it is an address");
        uses.note(KEY, from("::1"), 1.0);
        uses.note(KEY, from("127.0.0.1"), 2.0);
        assert_eq!(uses.take(false), []);
        uses.note(KEY, from("10.0.0.7"), 3.0);
        uses.note(KEY, from("10.0.0.7"), 4.0);
        let taken = uses.take(false);
        let addresses: Vec<&str> = taken.iter().map(|(_, address, _)| &**address).collect();
        assert_eq!(addresses, [LOOPBACK, "10.0.0.7"], "in the order they came");
        uses.put_back(taken.clone());
        assert_eq!(uses.take(false), taken);
        uses.note(KEY, from("10.0.0.7"), 3.0 + NOTED_EVERY_MS);
        assert_eq!(uses.take(false).len(), 1);
    }
}
