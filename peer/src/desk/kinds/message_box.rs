//! Message boxes as the user meets them: in no list, since only whoever owns one reads it (SPEC 8.2).

use pregao_protocol::room::MessageBox;

use super::View;

/// A message box as the user meets it.
#[derive(Debug)]
pub(in crate::desk) struct BoxView;

impl View for BoxView {
    type Fold = MessageBox;
    type Notes = ();

    fn title(fold: &MessageBox) -> Option<String> {
        fold.opening().handle.as_ref().map(|handle| handle.as_str().to_owned())
    }

    fn wrong_kind() -> (&'static str, &'static str) {
        ("this is a message box", "only letters are left there")
    }
}
