//! Document ids (function-runtime 4.3): base32 of table number, internal id and checksum.

use std::fmt;
use std::str::FromStr;

/// Crockford's alphabet in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Bytes of a varint of a `u32`.
const VARINT_MAX: usize = 5;

/// Bytes of an id with the largest table number.
const BYTES_MAX: usize = VARINT_MAX + 16 + 2;

/// Characters of a text that is no id, in messages.
const SHOWN_MAX: usize = 64;

/// The number of a table in its namespace; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableNumber(pub u32);

/// The 16 bytes that tell a document from the others of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InternalId(pub [u8; 16]);

/// A document id as clients see it. `Display` and `FromStr` are the base32 form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId {
    /// Table within the namespace of whoever holds the id.
    pub table: TableNumber,
    /// Document within the table.
    pub internal: InternalId,
}

/// Why a text is not a document id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not the canonical form of any id; says why.
    #[error("{0}")]
    Malformed(String),
}

impl InternalId {
    /// 14 random bytes and the day number since the epoch, big-endian (4.3: a clustering aid).
    pub fn from_random(random: [u8; 14], day: u16) -> InternalId {
        let mut bytes = [0; 16];
        bytes[..14].copy_from_slice(&random);
        bytes[14..].copy_from_slice(&day.to_be_bytes());
        InternalId(bytes)
    }
}

/// The bytes behind the text, on the stack.
struct IdBytes {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl IdBytes {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl DocumentId {
    fn to_bytes(self) -> IdBytes {
        assert!(self.table.0 != 0, "table numbers begin at 1");
        let mut id = IdBytes {
            bytes: [0; BYTES_MAX],
            length: 0,
        };
        let mut rest = self.table.0;
        while rest >= 0x80 {
            id.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        id.push(rest as u8);
        for byte in self.internal.0 {
            id.push(byte);
        }
        for byte in checksum(id.as_slice()).to_le_bytes() {
            id.push(byte);
        }
        id
    }
}

/// Fletcher-16 with both sums mod 256.
fn checksum(bytes: &[u8]) -> u16 {
    let (mut first, mut second) = (0u8, 0u8);
    for byte in bytes {
        first = first.wrapping_add(*byte);
        second = second.wrapping_add(first);
    }
    u16::from_be_bytes([second, first])
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.to_bytes();
        let mut text = [0u8; BYTES_MAX * 8 / 5 + 1];
        let mut length = 0;
        let (mut held, mut bits) = (0u32, 0);
        for byte in id.as_slice() {
            held = held << 8 | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text[length] = ALPHABET[(held >> bits & 31) as usize];
                length += 1;
            }
        }
        if bits > 0 {
            text[length] = ALPHABET[(held << (5 - bits) & 31) as usize];
            length += 1;
        }
        f.write_str(std::str::from_utf8(&text[..length]).expect("the alphabet is ASCII"))
    }
}

impl FromStr for DocumentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<DocumentId, IdError> {
        let malformed =
            |why: &str| IdError::Malformed(format!("{text:?} is not a document id: {why}"));
        if !(31..=37).contains(&text.len()) {
            let shown: String = text.chars().take(SHOWN_MAX).collect();
            return Err(IdError::Malformed(format!(
                "{shown:?} is not a document id: it has {} characters instead of 31 to 37",
                text.chars().count()
            )));
        }
        let mut id = IdBytes {
            bytes: [0; BYTES_MAX],
            length: 0,
        };
        let (mut held, mut bits) = (0u32, 0);
        for character in text.bytes() {
            let digit = digit(character).ok_or_else(|| {
                malformed("ids hold digits and small letters without i, l, o and u")
            })?;
            held = held << 5 | u32::from(digit);
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                id.push((held >> bits) as u8);
            }
        }
        let bytes = id.as_slice();
        let mut table = 0u64;
        let mut at = 0;
        loop {
            let byte = *bytes.get(at).ok_or_else(|| malformed("it is cut short"))?;
            table |= u64::from(byte & 0x7f) << (7 * at);
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
            if at == VARINT_MAX {
                return Err(malformed("its table number does not end"));
            }
        }
        let table = u32::try_from(table).ok().filter(|number| *number != 0);
        let table = table.ok_or_else(|| malformed("its table number is out of range"))?;
        let internal = bytes
            .get(at..at + 16)
            .and_then(|bytes| bytes.try_into().ok());
        let internal = internal.ok_or_else(|| malformed("it is cut short"))?;
        let found = DocumentId {
            table: TableNumber(table),
            internal: InternalId(internal),
        };
        // One text an id: checksum, length, varint and padding are all compared at once.
        if found.to_string() == text {
            Ok(found)
        } else {
            Err(malformed("its checksum or form is wrong"))
        }
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'h' => Some(character - b'a' + 10),
        b'j' | b'k' => Some(character - b'j' + 18),
        b'm' | b'n' => Some(character - b'm' + 20),
        b'p'..=b't' => Some(character - b'p' + 22),
        b'v'..=b'z' => Some(character - b'v' + 27),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counting() -> [u8; 16] {
        std::array::from_fn(|index| index as u8)
    }

    #[test]
    fn vectors_of_the_specification() {
        let falling: [u8; 16] = std::array::from_fn(|index| 0xf0 - 0x0f * index as u8);
        for (table, internal, text) in [
            (1, [0; 16], "0400000000000000000000000000248"),
            (10001, [0; 16], "j5700000000000000000000000001qv0"),
            (10001, falling, "j57f1rejretab5m7f1mnmjsw5mf0znr8"),
            (10001, counting(), "j57000820c20a1g7104gm2rc1m70ynr8"),
            (127, [0xff; 16], "fzzzzzzzzzzzzzzzzzzzzzzzzzzpzsr"),
            (128, counting(), "g00g00820c20a1g7104gm2rc1m70zyds"),
            (16383, counting(), "zxzg00820c20a1g7104gm2rc1m70zxg5"),
            (16384, counting(), "g2002001081g81860w40j2gb1g6gw3vs74"),
            (
                2_097_152,
                counting(),
                "g2080080041061050r3gg28a1c60t3gfz4wg",
            ),
            (
                268_435_456,
                counting(),
                "g2081001000g40r40m30e209185gr38e1xwvj",
            ),
            (
                u32::MAX,
                [0xff; 16],
                "zzzzzzrfzzzzzzzzzzzzzzzzzzzzzzzzzzxjj",
            ),
        ] {
            let id = DocumentId {
                table: TableNumber(table),
                internal: InternalId(internal),
            };
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse(), Ok(id));
        }
        for (text, table) in [
            ("k570e9j5cj1t5gf0zwf3tq3vkawxhqr0", 10009),
            ("m57068j1c1zsxfewzcd3jp3qjttx99vg", 10017),
            ("kg2ch8s6wsdzvkefhzacfjvyvd85r1f1", 540),
        ] {
            assert_eq!(
                text.parse::<DocumentId>().expect("published").table,
                TableNumber(table)
            );
        }
        for refused in [
            "J57000820C20A1G7104GM2RC1M70YNR8",
            "j57000820c20a1g7104gm2rc1m70ynr9",
            "j57000820c20a1g7104gm2rc1m70ynr",
            "j57000820c20a1g7104gm2rc1m70ynr80",
            "i57000820c20a1g7104gm2rc1m70ynr8",
            "0400000000000000000000000000249",
            "g400000000000000000000000000108j",
            "0000000000000000000000000000000",
        ] {
            assert!(refused.parse::<DocumentId>().is_err(), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(table in 1u32.., internal: [u8; 16]) {
            let id = DocumentId { table: TableNumber(table), internal: InternalId(internal) };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<DocumentId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
