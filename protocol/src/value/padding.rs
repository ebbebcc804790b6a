//! Hiding lengths: a length, the content, zeros up to a fixed size.

/// Bytes of the big-endian length in front.
pub(crate) const PREFIX: usize = 4;

/// `len32be ‖ content ‖ zeros`, `size` bytes in all; nothing if the content does not fit.
pub(crate) fn pad(content: &[u8], size: usize) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok()?;
    if content.len() > size.checked_sub(PREFIX)? {
        return None;
    }
    let mut padded = Vec::with_capacity(size);
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(size, 0);
    Some(padded)
}

/// The content; nothing if the length exceeds the rest or a byte of the padding is not zero.
pub(crate) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<PREFIX>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (content, zeros) = rest.split_at_checked(length)?;
    // Without an early exit the compiler compares many bytes at once.
    (zeros.iter().fold(0, |sum, byte| sum | byte) == 0).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_fits_up_to_the_last_byte() {
        assert_eq!(pad(b"ab", 6).unwrap(), [0, 0, 0, 2, b'a', b'b']);
        assert_eq!(pad(b"ab", 8).unwrap(), [0, 0, 0, 2, b'a', b'b', 0, 0]);
        for too_small in 0..6 {
            assert_eq!(pad(b"ab", too_small), None, "{too_small}");
        }
        assert_eq!(unpad(&[0, 0, 0, 2, b'a', b'b']), Some(b"ab".as_slice()));
    }

    #[test]
    fn lengths_beyond_the_end_and_dirty_padding_are_refused() {
        assert_eq!(unpad(&[0, 0, 0, 3, b'a', b'b']), None);
        assert_eq!(unpad(&[255, 255, 255, 255, b'a', b'b']), None);
        assert_eq!(unpad(&[0, 0, 0, 1, b'a', b'b']), None);
        assert_eq!(unpad(&[0, 0, 0, 1, b'a', 0, 128]), None);
        assert_eq!(unpad(&[0, 0, 0, 1, b'a', 7, 7]), None);
        assert_eq!(unpad(&[0, 0, 0]), None);
        assert_eq!(unpad(&[0, 0, 0, 0]), Some(b"".as_slice()));
    }
}
