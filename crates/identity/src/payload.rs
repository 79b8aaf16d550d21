//! The protobuf message inside an admin key (keys.md).

use crate::admin_key::{AdminKey, Member};

/// Field numbers shifted by three, with the wire type.
const NAME: u64 = 1 << 3 | 2;
const ISSUED: u64 = 2 << 3;
const MEMBER: u64 = 3 << 3;
const SYSTEM: u64 = 4 << 3 | 2;
const READ_ONLY: u64 = 5 << 3;

/// What a sealed part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// The instance's name, in older keys.
    pub(crate) name: Option<String>,
    /// The rest.
    pub(crate) key: AdminKey,
}

/// Writes the fields in the order that keys have.
pub(crate) fn encode(key: AdminKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    push_varint(ISSUED, &mut bytes);
    push_varint(key.issued_secs, &mut bytes);
    match key.member {
        Member::Id(id) => {
            push_varint(MEMBER, &mut bytes);
            push_varint(id, &mut bytes);
        }
        Member::System => {
            push_varint(SYSTEM, &mut bytes);
            push_varint(0, &mut bytes);
        }
    }
    if key.read_only {
        push_varint(READ_ONLY, &mut bytes);
        push_varint(1, &mut bytes);
    }
    bytes
}

/// Reads the message; unknown fields are skipped. `None` if it is malformed, or without an issue
/// time or member.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Payload> {
    let (mut name, mut issued_secs, mut member, mut read_only) = (None, 0, None, false);
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        match tag {
            NAME => name = Some(String::from_utf8(take_bytes(&mut bytes)?.to_vec()).ok()?),
            ISSUED => issued_secs = take_varint(&mut bytes)?,
            MEMBER => member = Some(Member::Id(take_varint(&mut bytes)?)),
            SYSTEM => {
                take_bytes(&mut bytes)?;
                member = Some(Member::System);
            }
            READ_ONLY => read_only = take_varint(&mut bytes)? != 0,
            _ => skip(tag & 7, &mut bytes)?,
        }
    }
    let member = member.filter(|_| issued_secs != 0)?;
    Some(Payload {
        name,
        key: AdminKey {
            member,
            read_only,
            issued_secs,
        },
    })
}

fn skip(wire_type: u64, bytes: &mut &[u8]) -> Option<()> {
    let length = match wire_type {
        0 => return take_varint(bytes).map(drop),
        1 => 8,
        2 => return take_bytes(bytes).map(drop),
        5 => 4,
        _ => return None,
    };
    *bytes = bytes.get(length..)?;
    Some(())
}

fn push_varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_without_member_or_issue_time_is_none() {
        for bytes in [
            &[][..],
            &[0x10, 0x05],
            &[0x18, 0x00],
            &[0x10, 0x00, 0x18, 0x00],
            &[0x10, 0x05, 0x22],
            &[0x10, 0x05, 0x22, 0x7f],
            &[0x10, 0x05, 0x18, 0x00, 0x07],
            &[0x0a, 0x01, 0xff, 0x10, 0x05, 0x18, 0x00],
        ] {
            assert_eq!(decode(bytes), None, "{bytes:02x?}");
        }
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let known = [0x10, 0x05, 0x18, 0x07];
        for unknown in [
            &[0x30, 0x80, 0x01][..],
            &[0x32, 0x02, 0x10, 0x00],
            &[0x35, 1, 2, 3, 4],
            &[0x31, 1, 2, 3, 4, 5, 6, 7, 8],
        ] {
            let bytes = [unknown, &known].concat();
            let found = decode(&bytes).expect("a payload");
            assert_eq!(found.key.member, Member::Id(7), "{unknown:02x?}");
            assert_eq!(found.key.issued_secs, 5);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(id: u64, system: bool, read_only: bool, issued_secs in 1u64..) {
            let member = if system { Member::System } else { Member::Id(id) };
            let key = AdminKey { member, read_only, issued_secs };
            prop_assert_eq!(decode(&encode(key)), Some(Payload { name: None, key }));
        }

        #[test]
        fn any_bytes_are_answered(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
