//! Numbers in LEB128: seven bits a byte, the lowest first, the eighth bit says that more follow.

/// Appends a number.
#[expect(clippy::cast_possible_truncation, reason = "seven bits are taken")]
pub(super) fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the beginning; none when there is no whole one.
pub(super) fn read(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_reads_back_and_leaves_what_follows(number: u64, behind: Vec<u8>) {
            let mut bytes = Vec::new();
            super::write(&mut bytes, number);
            bytes.extend(&behind);
            let mut rest = &bytes[..];
            prop_assert_eq!(super::read(&mut rest), Some(number));
            prop_assert_eq!(rest, &behind[..]);
        }
    }

    #[test]
    fn a_number_that_does_not_end_is_none() {
        assert_eq!(super::read(&mut &[0x80; 3][..]), None);
        assert_eq!(super::read(&mut &[0xFF; 11][..]), None);
    }
}
