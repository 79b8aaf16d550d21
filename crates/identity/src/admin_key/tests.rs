//! The vectors of keys.md.

use super::*;

const SECRET: &str = "4361726e697461732c206c69746572616c6c79206d65616e696e6720226c6974";
const ISSUED: u64 = 1_700_000_000;
const NONCE: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const WITH_NAME: &str = "01000102030405060708090a0bc68d6562d4079ed243b4c9c4c809b07c9e694db0d2d9dc63b7b8babbac1128d369b7";
const OLDER: &str = "0135d8598650f8f5cb0f30c34ec2e2bb62793bc28717c8eb6fb577996d50be5f4281b59181095065c5d0f86a2c31ddbe9b597ec62b47ded69782cd";

fn keys(name: &str) -> AdminKeys {
    AdminKeys::new(name, InstanceSecret::from_hex(SECRET).expect("a secret"))
}

fn current() -> [(AdminKey, [u8; 12], &'static str); 5] {
    let member = |id, read_only| AdminKey {
        member: Member::Id(id),
        read_only,
        issued_secs: ISSUED,
    };
    [
        (
            member(0, false),
            NONCE,
            "01000102030405060708090a0b1e5c06d46516f3f5fa3e99f5af81a957a2adc6f04983839e",
        ),
        (
            member(0, false),
            [0; 12],
            "01000000000000000000000000193c1d1d0ffdb38a78c50cfd2c3a4f7b118dbc819ff70f5f",
        ),
        (
            member(0, true),
            NONCE,
            "01000102030405060708090a0b9293461285dccc90b288bfa912cae60264829aebb93d6acd1867",
        ),
        (
            member(42, false),
            NONCE,
            "01000102030405060708090a0b03da985c02ceca103f37cf0f1e5d3027b1b078e1628df24d",
        ),
        (
            AdminKey {
                member: Member::System,
                read_only: false,
                issued_secs: ISSUED,
            },
            NONCE,
            "01000102030405060708090a0b1e0050533b39313fd1b0b727eaf2c146a1c4e8cc9eb197c4",
        ),
    ]
}

#[test]
fn keys_of_the_current_sealing_are_minted_and_opened() {
    let keys = keys("carnitas");
    for (key, nonce, hex) in current() {
        assert_eq!(keys.seal(key, nonce), format!("carnitas|{hex}"));
        for text in [
            format!("carnitas|{hex}"),
            format!("prod:carnitas|{hex}"),
            format!("dev:carnitas|{hex}"),
            format!(" preview:carnitas|{hex}\n"),
        ] {
            assert_eq!(keys.check(&text), Ok(key), "{text}");
        }
        assert!(keys.check(hex).is_err(), "without a name");
        assert!(
            keys.check(&format!("other|{hex}")).is_err(),
            "behind another name"
        );
    }
}

#[test]
fn keys_that_carry_their_name_open_without_it() {
    let keys = keys("carnitas");
    let key = AdminKey {
        member: Member::Id(0),
        read_only: false,
        issued_secs: ISSUED,
    };
    assert_eq!(keys.check(WITH_NAME), Ok(key));
    assert_eq!(keys.check(&format!("prod:{WITH_NAME}")), Ok(key));
    assert_eq!(keys.check(&format!("carnitas|{WITH_NAME}")), Ok(key));
    assert!(super::tests::keys("other").check(WITH_NAME).is_err());
}

#[test]
fn the_older_sealing_is_opened() {
    let key = AdminKey {
        member: Member::Id(0),
        read_only: false,
        issued_secs: 1_638_826_753,
    };
    assert_eq!(
        keys("carnitas").check(&format!("carnitas|{OLDER}")),
        Ok(key)
    );
    assert_eq!(keys("carnitas").check(OLDER), Ok(key));
}

#[test]
fn a_single_changed_digit_is_refused() {
    let keys = keys("carnitas");
    for hex in current()
        .map(|(_, _, hex)| hex)
        .iter()
        .chain(&[WITH_NAME, OLDER])
    {
        for at in 0..hex.len() {
            let digit = u8::from_str_radix(&hex[at..=at], 16).expect("a digit");
            for bit in [1, 2, 4, 8] {
                let changed = format!("{}{:x}{}", &hex[..at], digit ^ bit, &hex[at + 1..]);
                assert!(
                    keys.check(&format!("carnitas|{changed}")).is_err(),
                    "digit {at}"
                );
            }
        }
        for length in 0..hex.len() {
            assert!(
                keys.check(&format!("carnitas|{}", &hex[..length])).is_err(),
                "cut at {length}"
            );
        }
    }
}

#[test]
fn refusals_say_what_is_wrong_and_never_show_the_key() {
    let ours = keys("carnitas");
    let hex = current()[0].2;
    let other = AdminKeys::new("carnitas", InstanceSecret::random());
    for (key, why) in [
        (format!("tacos|{hex}"), "\"tacos\""),
        (other.mint(0, false, ISSUED), "not made with the secret"),
        (
            format!("carnitas|{}", &hex[..hex.len() - 1]),
            "cut when it was copied",
        ),
        ("hello".to_owned(), "carnitas|<hex digits>"),
        (hex.to_owned(), "lacks the deployment's name"),
    ] {
        let said = ours.check(&key).expect_err("refused").to_string();
        assert!(said.contains(why), "{said}");
        assert!(!said.contains(&hex[..20]), "{said}");
    }
}

#[test]
fn fresh_keys_differ_and_all_are_good() {
    let keys = keys("x");
    let (one, two) = (keys.mint(0, false, 1), keys.mint_system(true, 1));
    assert_ne!(one, keys.mint(0, false, 1));
    assert!(keys.check(&one).is_ok());
    assert_eq!(
        keys.check(&two),
        Ok(AdminKey {
            member: Member::System,
            read_only: true,
            issued_secs: 1
        })
    );
}
