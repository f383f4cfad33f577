//! Reads DER (X.690) as far as a timestamp token needs it: definite lengths, one-byte tags, nothing copied. Order within
//! a SET is not judged, since authorities differ; whatever is signed or hashed is taken as the bytes that came.

/// Tags that are met.
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// The context's own tags, constructed.
pub(super) const FIRST: u8 = 0xa0;

/// Bytes of a length after its first byte: 16 MiB, more than any answer has.
const LENGTH_BYTES_MAX: usize = 3;

/// One value: its tag, its contents, and both with the length between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    pub(super) contents: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// What is left to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value; none at the end and where the bytes are no DER.
    pub(super) fn next(&mut self) -> Option<Value<'a>> {
        let (tag, rest) = self.0.split_first()?;
        // Tags of more than one byte are met nowhere in a token.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (contents, after) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Some(Value { tag: *tag, contents, whole })
    }

    /// The contents of the next value, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|value| value.tag == tag).map(|value| value.contents)
    }

    /// What is in the next value, which has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(Self)
    }

    /// The next value if it has this tag; else nothing is read.
    pub(super) fn optional(&mut self, tag: u8) -> Option<Value<'a>> {
        let mut ahead = *self;
        let value = ahead.next().filter(|value| value.tag == tag)?;
        *self = ahead;
        Some(value)
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > LENGTH_BYTES_MAX {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(count)?;
    let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
    // DER has one way to write a length: the shortest.
    let is_shortest = length >= 0x80 && digits.first() != Some(&0);
    is_shortest.then_some((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_read_one_after_the_other() {
        let bytes = [0x30, 0x05, 0x02, 0x01, 0x07, 0x05, 0x00, 0x04, 0x01, 0xff];
        let mut der = Der::new(&bytes);
        let mut inner = der.enter(SEQUENCE).unwrap();
        assert_eq!(inner.optional(OCTETS), None);
        assert_eq!(inner.take(INTEGER), Some(&[7][..]));
        assert_eq!(inner.next().unwrap().whole, [0x05, 0x00]);
        assert!(inner.is_at_end() && !der.is_at_end());
        assert_eq!(der.take(OCTETS), Some(&[0xff][..]));
    }

    #[test]
    fn what_is_no_der_is_not_read() {
        let long = [&[0x04, 0x82, 0x00, 0x80][..], &[0; 128]].concat();
        for wrong in
            [&[0x04][..], &[0x04, 0x02, 0x00], &[0x04, 0x80], &[0x04, 0x81, 0x01, 0x00], &long, &[0x1f, 0x01]]
        {
            assert_eq!(Der::new(wrong).next(), None, "{wrong:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut der = Der::new(&bytes);
            while let Some(value) = der.next() {
                let mut inner = Der::new(value.contents);
                while inner.next().is_some() {}
            }
        }
    }
}
