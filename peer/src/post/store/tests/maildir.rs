//! Letters as files that mail programs read.

use mail_parser::{MessageParser, MimeHeaders as _};

use super::fixture::{Post, at, attachment, id, text_letter};
use super::*;
use crate::post::store::letters::LetterNumber;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn letters_are_read_by_another_program_as_they_were_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut post = Post::new();
    let ana = post.befriend("Zé da Silva");
    let mut letter = text_letter(&post.them, 1, "Sobre o relógio", "Olá!\n.\nFrom here on\n");
    letter.attachments.push(attachment("plano \"b\".pdf", "application/pdf", 5));
    letter.reply_to = Some(id(9));
    let number = post.receive(letter, 1, Some(ana));
    let saved = post.place.folder.path().join("saved");
    std::fs::write(&saved, b"%PDF\n").unwrap();
    post.store
        .change(|change| {
            change.edit_letter(number, |letter| letter.attachments[0].saved = Some(saved.clone()))
        })
        .unwrap();
    let second = text_letter(&post.them, 2, "Second", "Read already");
    let second = post.receive(second, 2, None);
    post.store.change(|change| change.keep_read(second, at(9))).unwrap();
    let folder = post.place.folder.path().join("export");
    let exported = post.store.view().export_maildir(&folder).unwrap();
    assert_eq!((exported.written, exported.there, exported.files_missing), (2, 0, 0));
    let (new, cur) = (files(&folder.join("new")), files(&folder.join("cur")));
    assert_eq!((new.len(), cur.len(), files(&folder.join("tmp")).len()), (1, 1, 0));
    assert!(cur[0].to_str().unwrap().ends_with(":2,S"));
    assert_eq!(std::fs::metadata(&new[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&new[0]).unwrap();
    let message = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(message.subject(), Some("Sobre o relógio"));
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Zé da Silva"));
    assert_eq!(from.address().unwrap(), format!("{}@box.pregao.invalid", post.them.name));
    assert_eq!(message.date().unwrap().to_timestamp(), i64::try_from(at(1).as_secs()).unwrap());
    assert_eq!(message.body_text(0).unwrap().replace("\r\n", "\n"), "Olá!\n.\nFrom here on\n");
    let file = message.attachment(0).unwrap();
    assert_eq!(file.attachment_name(), Some("plano \"b\".pdf"));
    assert_eq!(file.contents(), b"%PDF\n");
    assert!(message.in_reply_to().as_text().unwrap().starts_with(&id(9).to_string()));
    // Again, it writes nothing twice, also where a mail program has moved and marked a message.
    let moved =
        folder.join("cur").join(format!("{}:2,FS", new[0].file_name().unwrap().to_str().unwrap()));
    std::fs::rename(&new[0], moved).unwrap();
    let exported = post.store.view().export_maildir(&folder).unwrap();
    assert_eq!((exported.written, exported.there), (0, 2));
}

#[test]
fn what_a_stranger_wrote_stays_inert() {
    let mut post = Post::new();
    let mut letter =
        text_letter(&post.them, 1, "=?utf-8?q?=0d=0aBcc:_x=40example.org?=", "<b>bold</b>");
    letter.attachments.push(attachment("page.html", "text/html", 4));
    letter.attachments.push(attachment("more", "multipart/mixed", 4));
    letter.attachments.push(attachment("mail.eml", "message/rfc822", 4));
    letter.attachments.push(attachment("gone", "image/png", 4));
    let number = post.receive(letter, 1, None);
    let saved = post.place.folder.path().join("saved");
    std::fs::write(&saved, b"evil").unwrap();
    post.store
        .change(|change| {
            change.edit_letter(number, |letter| {
                for file in letter.attachments.iter_mut().take(3) {
                    file.saved = Some(saved.clone());
                }
            })
        })
        .unwrap();
    let folder = post.place.folder.path().join("export");
    let exported = post.store.view().export_maildir(&folder).unwrap();
    assert_eq!((exported.written, exported.files_missing), (1, 1));
    let bytes = std::fs::read(&files(&folder.join("new"))[0]).unwrap();
    let message = MessageParser::default().parse(&bytes).unwrap();
    assert!(message.bcc().is_none());
    assert_eq!(message.subject(), Some("= ?utf-8?q?=0d=0aBcc:_x=40example.org?="));
    assert_eq!((message.attachment_count(), message.html_body_count()), (3, 1));
    for file in message.attachments() {
        let kind = file.content_type().unwrap();
        assert_eq!((kind.ctype(), kind.subtype()), ("application", Some("octet-stream")));
        assert_eq!(file.contents(), b"evil");
    }
    assert!(message.body_text(0).unwrap().contains("[file not saved: gone]"));
}

#[test]
fn a_file_that_is_not_as_it_was_saved_is_left_out() {
    let mut post = Post::new();
    let mut letter = text_letter(&post.them, 1, "About", "Text");
    letter.attachments.push(attachment("file", "image/png", 4));
    let number = post.receive(letter, 1, None);
    let saved = post.place.folder.path().join("saved");
    for (n, bytes) in [&b"evi"[..], b"evil!", b""].iter().enumerate() {
        std::fs::write(&saved, bytes).unwrap();
        let path = saved.clone();
        post.store
            .change(|change| {
                change.edit_letter(number, |letter| letter.attachments[0].saved = Some(path))
            })
            .unwrap();
        let folder = post.place.folder.path().join(format!("export{n}"));
        assert_eq!(post.store.view().export_maildir(&folder).unwrap().files_missing, 1);
    }
}

#[test]
fn a_folder_that_takes_no_files_and_a_damaged_letter_are_said() {
    let mut post = Post::new();
    for n in 1..=2 {
        let letter = text_letter(&post.them, n, "About", "Text");
        post.receive(letter, u64::try_from(n).unwrap(), None);
    }
    let post = post.tamper(|file| {
        file.execute("UPDATE letter SET sealed = x'00' WHERE id = 1", []).unwrap();
    });
    let obstacle = post.place.folder.path().join("file");
    std::fs::write(&obstacle, "x").unwrap();
    let error = post.store.view().export_maildir(&obstacle).unwrap_err();
    assert!(matches!(error, MailError::Export { .. }), "{error:?}");
    let folder = post.place.folder.path().join("export");
    let exported = post.store.view().export_maildir(&folder).unwrap();
    assert_eq!((exported.written, exported.damaged.len()), (1, 1));
    assert_eq!(exported.damaged[0].id, LetterNumber(1).0);
}
