//! Letters: one's own box, people, what is written and what came.

use super::{Argument, ArgumentKind, Keyword, Need, Usage};
use crate::command::parse;

const fn flag(name: &'static str, summary: &'static str) -> Keyword {
    Keyword { name, aliases: &[], value: "", kind: ArgumentKind::Flag, summary }
}

const fn word(name: &'static str, value: &'static str, summary: &'static str) -> Keyword {
    Keyword { name, aliases: &[], value, kind: ArgumentKind::Word, summary }
}

const fn place(name: &'static str, need: Need, summary: &'static str) -> Argument {
    Argument { name, kind: ArgumentKind::Word, need, summary }
}

/// Somebody whom one writes to.
const WHO: Argument = place(
    "WHO",
    Need::Required,
    "A contact, the beginning of a listed box's name, or an address; in quotes if it has spaces",
);

/// A letter.
const LETTER: Argument =
    place("N", Need::Required, "The letter's number, as /mail and /new show it");

/// One's own box.
pub static BOX: Usage = Usage {
    name: "box",
    aliases: &["letterbox"],
    synopsis: "[WHAT] [HANDLE] [about TEXT] [now]",
    arguments: &[
        place("WHAT", Need::Optional, "open, address, close or even [default: says how it stands]"),
        place(
            "HANDLE",
            Need::Optional,
            "After open: what people find you by; at most 32 characters. After even: on or off",
        ),
    ],
    keywords: &[
        Keyword {
            name: "about",
            aliases: &[],
            value: "TEXT",
            kind: ArgumentKind::Text,
            summary: "A line about yourself beside the handle; at most 200 characters",
        },
        flag("now", "Open it at once, not an hour after your passes came"),
    ],
    summary: "open a box for letters, show its address, or close it",
    details: "Letters wait there while you are away. With a handle /people shows it to everybody, without one only those \
              find it to whom you give its address. The broker that keeps it does not learn whose it is: it is opened as a \
              guest, with a pass, and an hour after the passes came unless you say `now`. With `even on` letters and receipts to \
              contacts who answer leave at times drawn ahead, hours later, and where nothing waits cover leaves that nobody \
              reads: the broker cannot tell by times whose letters answer whose. It spends half of your passes.",
    example: "/box open radiofan about \"old radios\"",
    read: parse::message_box,
};

/// Who can be written to.
pub static PEOPLE: Usage = Usage {
    name: "people",
    aliases: &["users"],
    synopsis: "[TEXT]",
    arguments: &[Argument {
        name: "TEXT",
        kind: ArgumentKind::Text,
        need: Need::Optional,
        summary: "Only those with this in handle, line or name",
    }],
    keywords: &[],
    summary: "list the people who want to be found",
    details: "Handles are not unique: beside each stands the beginning of its box's name. Those whom you know are marked.",
    example: "/people radio",
    read: parse::people,
};

/// Those whom one knows.
pub static CONTACT: Usage = Usage {
    name: "contact",
    aliases: &["contacts"],
    synopsis: "[WHAT] [WHO] [VALUE] [now]",
    arguments: &[
        place(
            "WHAT",
            Need::Optional,
            "add, deal, verify, receipts, taken, mode or rename [default: lists them]",
        ),
        place("WHO", Need::Optional, "What you call them; in quotes if it has spaces"),
        Argument {
            name: "VALUE",
            kind: ArgumentKind::Text,
            need: Need::Optional,
            summary: "An address; #ROOM; words; ask, never or always; tell or silent; evidence or deniable; a new name",
        },
    ],
    keywords: &[flag(
        "now",
        "With deal: give your box as soon as it is open; the broker may guess whose",
    )],
    summary: "add and list contacts, compare words, set what they get",
    details: "`add NAME ADDRESS` takes what they handed over, or the name of a listed box. `deal NAME #ROOM` makes a contact \
              of the other side of an auction, in your private room: a box of yours that is nobody else's is given to them \
              there, and once they do the same you are contacts of each other. `verify NAME` shows words to \
              compare by another way, and with the words notes that they are the same. `receipts NAME ask|never|always` says \
              whether they learn that you have read; `taken NAME tell|silent` whether they learn that you took their letters off, \
              which is silent at first; `mode NAME evidence|deniable` whom your letters convince.",
    example: "/contact add ana pregao-box:…",
    read: parse::contact,
};

/// What a letter says.
const TEXT: Argument = Argument {
    name: "TEXT",
    kind: ArgumentKind::Text,
    need: Need::Judged,
    summary: "What it says, in quotes if keywords follow; empty quotes beside files alone",
};
/// What may stand above a letter.
const SUBJECT: Keyword = Keyword {
    name: "subject",
    aliases: &[],
    value: "TEXT",
    kind: ArgumentKind::Text,
    summary: "One line above it, in quotes if it has spaces; at most 120 characters",
};
/// What may go with it.
const ATTACH: Keyword = Keyword {
    name: "attach",
    aliases: &[],
    value: "FILE",
    kind: ArgumentKind::Text,
    summary: "A file that goes with it; may stand several times",
};
const RE: Keyword = word("re", "N", "The number of the letter that it answers");
const EVIDENCE: Keyword =
    flag("evidence", "Your box signs it: the reader can prove to others that it wrote this");
const DENIABLE: Keyword =
    flag("deniable", "It convinces its reader alone: they could have made it themselves");
const RECEIPT: Keyword = flag("receipt", "Ask to be told when it was read; the reader decides");
const REGISTERED: Keyword =
    flag("registered", "They sign for it before they can read it, within 15 days, or it lapses");
const EXPIRES: Keyword =
    word("expires", "DURATION", "After how long it is destroyed, read or not, e.g. 7d");
const HURRY: Keyword =
    flag("now", "Wait for no pass to have rested: the broker may guess who wrote it");

/// Writes.
pub static SEND: Usage = Usage {
    name: "send",
    aliases: &["write"],
    synopsis: "WHO TEXT [subject TEXT] [attach FILE] [re N] [evidence | deniable] [receipt | registered] [expires DURATION] [now] [draft] [anyway]",
    arguments: &[WHO, TEXT],
    keywords: &[
        SUBJECT,
        ATTACH,
        RE,
        EVIDENCE,
        DENIABLE,
        RECEIPT,
        REGISTERED,
        EXPIRES,
        HURRY,
        flag("draft", "What is not said is as in the draft for them, which is sent with this"),
        flag(
            "anyway",
            "Send it although it speaks of an attachment and has none, or to one you block",
        ),
    ],
    summary: "write a letter to somebody, there or not",
    details: "Sealed to keys that only their device has; the broker sees a box, a size and a time. It leaves after ten \
              seconds, or once a pass has rested for an hour or more: until then /recall takes it back. Without `evidence` or `deniable` it is as set for the contact, which \
              is deniable at first; both sides see which it is. Of a registered letter they see who writes and the subject, and \
              the rest with their signature alone.",
    example: "/send ana \"Is it still there?\" subject Radio",
    read: parse::send,
};

/// Keeps what is being written.
pub static DRAFT: Usage = Usage {
    name: "draft",
    aliases: &["keep"],
    synopsis: "WHO TEXT [subject TEXT] [attach FILE] [re N] [evidence | deniable] [receipt | registered] [expires DURATION]",
    arguments: &[WHO, TEXT],
    keywords: &[SUBJECT, ATTACH, RE, EVIDENCE, DENIABLE, RECEIPT, REGISTERED, EXPIRES],
    summary: "keep a letter to somebody that is not finished",
    details: "One for each to whom, on this device alone, until it is sent or dropped. What is not said stays as it stood \
              in the draft before. What you type in a conversation of the chat is kept so by itself; files are \
              read when it is sent.",
    example: "/draft ana \"Is it still\" subject Radio",
    read: parse::draft,
};

/// What is being written.
pub static DRAFTS: Usage = Usage {
    name: "drafts",
    aliases: &["unfinished"],
    synopsis: "[WHAT] [WHO] [now] [anyway]",
    arguments: &[
        place("WHAT", Need::Optional, "show, send or drop [default: lists them]"),
        Argument { need: Need::Optional, ..WHO },
    ],
    keywords: &[HURRY, flag("anyway", "With send: as `anyway` of /send")],
    summary: "list the letters you have begun; show, send or drop one",
    details: "A letter that was taken back, or that could not be sent, is a draft again, with its subject and its files. \
              /draft WHO TEXT goes on with one, and so does the input line of their conversation.",
    example: "/drafts show ana",
    read: parse::drafts,
};

/// What is new.
pub static NEW: Usage = Usage {
    name: "new",
    aliases: &["unread"],
    synopsis: "",
    arguments: &[],
    keywords: &[],
    summary: "list the letters that you have not read",
    details: "Also those that could not be opened, with the cause.",
    example: "/new",
    read: parse::new,
};

/// All letters.
pub static MAIL: Usage = Usage {
    name: "mail",
    aliases: &["letters"],
    synopsis: "[received | sent] [with WHO] [last N] [export FOLDER]",
    arguments: &[],
    keywords: &[
        flag("received", "Only those that came"),
        flag("sent", "Only those that you wrote"),
        word("with", "WHO", "Only those from and to one contact"),
        Keyword {
            name: "last",
            aliases: &["newest"],
            value: "N",
            kind: ArgumentKind::Word,
            summary: "Only the newest so many [default: 20]",
        },
        Keyword {
            name: "export",
            aliases: &["maildir"],
            value: "FOLDER",
            kind: ArgumentKind::Text,
            summary: "Instead of a list: write all letters there, as mail programs read them",
        },
    ],
    summary: "list letters, received and sent, the newest last",
    details: "Each with its number, which stays its own, from or to whom, when it was stamped, and whether it is evidence or \
              deniable. What `export` writes is a Maildir: it is not sealed any more, and letters that are there already stay \
              as they are.",
    example: "/mail received last 50",
    read: parse::mail,
};

/// Reads one.
pub static READ: Usage = Usage {
    name: "read",
    aliases: &["show"],
    synopsis: "N [save FOLDER]",
    arguments: &[LETTER],
    keywords: &[Keyword {
        name: "save",
        aliases: &[],
        value: "FOLDER",
        kind: ArgumentKind::Text,
        summary: "Write its attachments there; nothing is overwritten",
    }],
    summary: "read a letter, and save what is attached",
    details: "Its key was destroyed when it was opened: only this device has it now. If its writer asks to be told, \
              /ack says so, unless it is said by itself for this contact.",
    example: "/read 3",
    read: parse::read,
};

/// Says that one was read.
pub static ACK: Usage = Usage {
    name: "ack",
    aliases: &["acknowledge"],
    synopsis: "N [now]",
    arguments: &[LETTER],
    keywords: &[flag("now", "Send it at once: the broker may guess who answers whom")],
    summary: "tell a letter's writer that you have read it",
    details: "A receipt over what was in it, evidence or deniable as the letter was. It leaves 1 to 24 hours later, so that \
              nobody learns from the time who has read what, unless you say `now`.",
    example: "/ack 3",
    read: parse::ack,
};

/// Signs for a registered one.
pub static ACCEPT: Usage = Usage {
    name: "accept",
    aliases: &["sign"],
    synopsis: "N",
    arguments: &[LETTER],
    keywords: &[],
    summary: "sign for a registered letter, and read it from then on",
    details: "The box it came to signs in its log that you accept it, and with that entry the broker publishes the half of \
              the key that was missing: both, or neither. Its sender can show to others that it was handed over. Without a \
              connection it is done as soon as there is one.",
    example: "/accept 3",
    read: parse::accept,
};

/// Refuses a registered one.
pub static DECLINE: Usage = Usage {
    name: "decline",
    aliases: &["refuse"],
    synopsis: "N",
    arguments: &[LETTER],
    keywords: &[],
    summary: "refuse a registered letter: nobody reads it then",
    details: "It is destroyed unread, and its sender sees in the log that you declined it. Doing nothing comes to the same, \
              but for that: after 15 days it lapses.",
    example: "/decline 3",
    read: parse::decline,
};

/// What became of letters.
pub static STATUS: Usage = Usage {
    name: "status",
    aliases: &["sent"],
    synopsis: "[N] [now]",
    arguments: &[place("N", Need::Optional, "The letter's number; all that you sent without it")],
    keywords: &[flag("now", "Ask its broker first, which sees when you are there; with a number")],
    summary: "show what became of the letters that you sent",
    details: "Whether each was deposited, with the broker's receipt checked again; whether it was taken off, if its reader lets \
              you hear of that; and whether its reader says that it was read, or accepted it if it is registered. Each signature \
              is checked again. Brokers are asked a few times by themselves, within a fortnight.",
    example: "/status 3",
    read: parse::status,
};

/// Takes one back.
pub static RECALL: Usage = Usage {
    name: "recall",
    aliases: &["unsend", "undo"],
    synopsis: "N",
    arguments: &[LETTER],
    keywords: &[],
    summary: "take back a letter that has not left yet",
    details: "A letter waits ten seconds before it leaves, a receipt up to a day. What was handed in stays handed in. The \
              letter is a draft again, with its subject and its files.",
    example: "/recall 3",
    read: parse::recall,
};

/// Hears no more of somebody.
pub static BLOCK: Usage = Usage {
    name: "block",
    aliases: &[],
    synopsis: "WHO [off]",
    arguments: &[WHO],
    keywords: &[flag("off", "Hear from them again")],
    summary: "hear no more of somebody",
    details: "What comes from them is taken off unread, and no receipt goes to them. They are not told.",
    example: "/block ana",
    read: parse::block,
};

/// Whom all of it convinces.
pub static MODE: Usage = Usage {
    name: "mode",
    aliases: &[],
    synopsis: "[MODE] [ROOM]",
    arguments: &[
        place("MODE", Need::Optional, "evidence or deniable [default: says which]"),
        Argument {
            name: "ROOM",
            kind: ArgumentKind::Room,
            need: Need::Optional,
            summary: "Only for the private room of a deal; marked with #",
        },
    ],
    keywords: &[],
    summary: "choose whether what you write is evidence or deniable",
    details: "Of evidence its reader can prove to others that you wrote it; what is deniable convinces them alone. It holds for \
              letters and for what you say in the private room of a deal, unless it is chosen for a contact (/contact mode), \
              for that room, or with the letter. Deniable at first.",
    example: "/mode evidence #3f2a",
    read: parse::mode,
};

/// Finds letters.
pub static SEARCH: Usage = Usage {
    name: "search",
    aliases: &["find"],
    synopsis: "TEXT",
    arguments: &[Argument {
        name: "TEXT",
        kind: ArgumentKind::Text,
        need: Need::Required,
        summary: "What stands in subject, text or the name of an attachment",
    }],
    keywords: &[],
    summary: "find letters by what stands in them",
    details: "It looks on this device alone.",
    example: "/search old radio",
    read: parse::search,
};
