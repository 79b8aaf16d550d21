//! Frames between server and executor; the other side is `executor/wire.js`.
//!
//! A frame is its length (u32, little endian), its kind (u8) and fields. A string is a u32 whose
//! top bit says that the bytes are ASCII (the executor reads those faster), and the bytes.

/// Server to executor.
pub(crate) mod to_executor {
    pub(crate) const LOAD: u8 = 1;
    pub(crate) const DROP: u8 = 2;
    pub(crate) const ENV: u8 = 3;
    pub(crate) const INVOKE: u8 = 4;
    pub(crate) const REPLIES: u8 = 5;
    pub(crate) const SYNC: u8 = 6;
    pub(crate) const ANALYZE: u8 = 7;
    pub(crate) const ABORT: u8 = 8;
    /// Actions only: answered with `PONG` as soon as the event loop comes round.
    pub(crate) const PING: u8 = 9;
    /// HTTP actions only: a part of the request's body, which was pulled.
    pub(crate) const BODY: u8 = 10;
    /// HTTP actions only: the chunk of the response was taken.
    pub(crate) const TAKEN: u8 = 11;
    /// HTTP actions only: no chunk will be taken any more.
    pub(crate) const GONE: u8 = 12;
    /// Queries and mutations only: nothing is asked for now, and memory can be given back.
    pub(crate) const TRIM: u8 = 13;
}

/// Executor to server.
pub(crate) mod from_executor {
    pub(crate) const CALLS: u8 = 1;
    pub(crate) const SYNC: u8 = 2;
    pub(crate) const DONE: u8 = 3;
    pub(crate) const READY: u8 = 4;
    pub(crate) const PONG: u8 = 5;
    /// Actions only: the call whose code runs from now on.
    pub(crate) const ENTER: u8 = 6;
    /// HTTP actions only: the next part of the request's body is wanted.
    pub(crate) const PULL: u8 = 7;
    /// HTTP actions only: the route, or nothing if none matches.
    pub(crate) const ROUTE: u8 = 8;
    /// HTTP actions only: the head of the response.
    pub(crate) const HEAD: u8 = 9;
    /// HTTP actions only: bytes of its body; the next come when these were taken.
    pub(crate) const CHUNK: u8 = 10;
    /// Node actions only: the process wants no more calls.
    pub(crate) const WORN: u8 = 11;
    /// Actions only: a request with bytes.
    pub(crate) const GIVE: u8 = 12;
    /// Actions only: a request that is answered with bytes.
    pub(crate) const TAKE: u8 = 13;
    /// Actions only: lines that a call which goes on has logged.
    pub(crate) const LINES: u8 = 14;
}

const ASCII: u32 = 0x8000_0000;

/// Builds frames; several may be built before they are sent together.
#[derive(Debug, Default)]
pub(crate) struct FrameWriter {
    bytes: Vec<u8>,
    start: usize,
}

impl FrameWriter {
    pub(crate) fn begin(&mut self, kind: u8) {
        self.start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.push(kind);
    }

    pub(crate) fn end(&mut self) {
        let length =
            u32::try_from(self.bytes.len() - self.start - 4).expect("frames are below 2 GiB");
        self.bytes[self.start..self.start + 4].copy_from_slice(&length.to_le_bytes());
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn str(&mut self, text: &str) {
        let length = u32::try_from(text.len()).expect("strings are below 2 GiB");
        self.u32(if text.is_ascii() {
            length | ASCII
        } else {
            length
        });
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A string without the flag, as the boot script reads it.
    pub(crate) fn plain_str(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).expect("strings are below 2 GiB"));
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Frames that were built elsewhere.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was built; keeps a moderate capacity.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > 1 << 20 {
            self.bytes.shrink_to(1 << 16);
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A frame that does not follow the format: the executor is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads the fields of one frame.
#[derive(Debug)]
pub(crate) struct FrameReader<'a> {
    rest: &'a [u8],
}

impl<'a> FrameReader<'a> {
    pub(crate) fn new(fields: &'a [u8]) -> Self {
        FrameReader { rest: fields }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, Malformed> {
        let bytes: [u8; 8] = self.take(8)?.try_into().map_err(|_| Malformed)?;
        Ok(f64::from_le_bytes(bytes))
    }

    pub(crate) fn str(&mut self) -> Result<&'a str, Malformed> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed)
    }

    /// How many bytes are not read yet.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Bytes to the end of the frame.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fields_come_back(text in ".*", number: u32, float: f64, byte: u8) {
            let mut writer = FrameWriter::default();
            writer.begin(9);
            writer.plain_str(&text);
            writer.u32(number);
            writer.f64(float);
            writer.u8(byte);
            writer.end();
            let bytes = writer.bytes();
            prop_assert_eq!(u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize, bytes.len() - 4);
            prop_assert_eq!(bytes[4], 9);
            let mut reader = FrameReader::new(&bytes[5..]);
            prop_assert_eq!(reader.str().unwrap(), text);
            prop_assert_eq!(reader.u32().unwrap(), number);
            prop_assert_eq!(reader.f64().unwrap().to_bits(), float.to_bits());
            prop_assert_eq!(reader.u8().unwrap(), byte);
            prop_assert_eq!(reader.u8(), Err(Malformed));
        }

        #[test]
        fn garbage_is_refused_not_obeyed(bytes: Vec<u8>) {
            let mut reader = FrameReader::new(&bytes);
            while reader.str().is_ok() {}
        }
    }
}
