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
