//! What a user can look up: auctions, bids, receipts compared with the logs.

use super::{Argument, ArgumentKind, Keyword, Need, ROOM, Usage};
use crate::command::parse;

const fn flag(name: &'static str, summary: &'static str) -> Keyword {
    Keyword { name, aliases: &[], value: "", kind: ArgumentKind::Flag, summary }
}

const LAST: Keyword = Keyword {
    name: "last",
    aliases: &["newest"],
    value: "N",
    kind: ArgumentKind::Word,
    summary: "Only the newest so many",
};

const OF_AUCTIONS: &[Keyword] = &[
    flag("open", "Only those that take bids, or will"),
    flag("closed", "Only those that take no bids any more"),
    flag("english", "Only those where bids rise in the open"),
    flag("sealed", "Only those with sealed bids"),
    flag("dutch", "Only those where the price falls"),
    LAST,
];

/// Lists the auctions.
pub static ITEMS: Usage = Usage {
    name: "items",
    aliases: &["allitems"],
    synopsis: "[open | closed] [english | sealed | dutch] [last N]",
    arguments: &[],
    keywords: OF_AUCTIONS,
    summary: "list the auctions, all or some, the newest last",
    details: "Shows where each stands and when it ends. With `open` or `closed`, a kind, or `last 20`, only those.",
    example: "/items open last 20",
    read: parse::items,
};

/// Lists one's own auctions and bids.
pub static MINE: Usage = Usage {
    name: "mine",
    aliases: &["myitems"],
    synopsis: "[open | closed] [english | sealed | dutch] [last N]",
    arguments: &[],
    keywords: OF_AUCTIONS,
    summary: "list the auctions you opened or bid in",
    details: "Only your own vault knows which they are. The words after it are those of /items; /bids mine shows bid by bid.",
    example: "/mine open",
    read: parse::mine,
};

/// Under which name.
const PADDLE_NAME: Keyword = Keyword {
    name: "paddle",
    aliases: &["under"],
    value: "NAME",
    kind: ArgumentKind::Word,
    summary: "Only those under this paddle; /paddles lists them",
};

/// Lists bids one by one.
pub static BIDS: Usage = Usage {
    name: "bids",
    aliases: &["offers"],
    synopsis: "[ROOM] [mine | paddle NAME] [last N]",
    arguments: &[Argument { need: Need::Optional, ..ROOM }],
    keywords: &[
        flag("mine", "Only your own; without a room those of all auctions"),
        PADDLE_NAME,
        LAST,
    ],
    summary: "list the bids of an auction, or yours, one by one",
    details: "Each with its position in the log, amount, stamp time and what became of it; the newest last, 100 unless \
              `last` says otherwise. Of sealed bids number and size are known, and yours to your vault; why one is void \
              stands beside it. `mine` shows yours, also those that were refused or are under way.",
    example: "/bids 3f2a last 20",
    read: parse::bids,
};

/// Compares receipts with the logs.
pub static CHECK: Usage = Usage {
    name: "check",
    aliases: &[],
    synopsis: "[RECEIPT | all] [last N]",
    arguments: &[Argument {
        name: "RECEIPT",
        kind: ArgumentKind::Word,
        need: Need::Optional,
        summary: "At least four characters of the digest that /receipts shows, or all [default: all]",
    }],
    keywords: &[flag("all", "Every receipt that you hold"), LAST],
    summary: "compare your receipts afresh with the logs as they are",
    details: "Each is verified again, and its entry looked up in the log that the broker shows: at that position, under a \
              head that agrees with the receipt's. It says which hold, which cannot be compared yet and which the log \
              contradicts, and what to do. Logs that are not followed are read for it.",
    example: "/check all",
    read: parse::check,
};
