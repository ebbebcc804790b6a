//! What a bidder does: bids, by hand or by the program, and under a paddle.

use super::{Argument, ArgumentKind, Keyword, Need, ROOM, Usage};
use crate::command::parse;

/// Bids.
pub static BID: Usage = Usage {
    name: "bid",
    aliases: &["b"],
    synopsis: "[ROOM] AMOUNT [CURRENCY]",
    arguments: &[
        ROOM,
        Argument {
            name: "AMOUNT",
            kind: ArgumentKind::Amount,
            need: Need::Judged,
            summary: "What you bid, in units of the room's currency, e.g. 119.50; always needed",
        },
        Argument {
            name: "CURRENCY",
            kind: ArgumentKind::Word,
            need: Need::Optional,
            summary: "If given, it must be the room's",
        },
    ],
    keywords: &[],
    summary: "bid in an auction",
    details: "Use a point for decimals. A bid is binding and cannot be taken back. \
              Without ROOM it goes to the auction on screen. Mark a room of digits only: #1234. You \
              are asked before a bid against yourself, and before one of more than three times the least.",
    example: "/bid 3f2a 120.00",
    read: parse::bid,
};

/// Takes an item whose price falls.
pub static TAKE: Usage = Usage {
    name: "take",
    aliases: &[],
    synopsis: "[ROOM]",
    arguments: &[ROOM],
    keywords: &[],
    summary: "take an item whose price falls, at the price of the moment",
    details: "A bid of the present price, and as binding. The price at its stamp counts, which is no higher: you never \
              pay more than was shown, and a step that the price falls meanwhile is yours. The earliest stamp has the \
              item. You are asked first if somebody was before you.",
    example: "/take #3f2a",
    read: parse::take,
};

/// Bids by itself.
pub static AUTO: Usage = Usage {
    name: "auto",
    aliases: &["proxy"],
    synopsis: "[ROOM] [CEILING | off] [steady]",
    arguments: &[
        ROOM,
        Argument {
            name: "CEILING",
            kind: ArgumentKind::Amount,
            need: Need::Optional,
            summary: "The most that is bid, in units of the room's currency",
        },
    ],
    keywords: &[
        Keyword {
            name: "off",
            aliases: &["stop"],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "Bids no more by itself there",
        },
        Keyword {
            name: "steady",
            aliases: &["least"],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "Always by the least step",
        },
    ],
    summary: "bid by itself, up to a ceiling that nobody else learns",
    details: "Whenever somebody else leads, the least is bid that there is, never more than CEILING. From the third \
              answer in a row on, each within a minute of the one before, the step doubles, so that two who do this \
              come to an end soon; with `steady` it does not. It goes on while a program of yours runs over this data \
              folder, also after a restart. Alone, it says where is bid by itself.",
    example: "/auto 3f2a 50",
    read: parse::auto,
};

/// Bids under a public name.
pub static PADDLE: Usage = Usage {
    name: "paddle",
    aliases: &[],
    synopsis: "[ROOM] [NAME | off] [all] [anyway]",
    arguments: &[
        ROOM,
        Argument {
            name: "NAME",
            kind: ArgumentKind::Word,
            need: Need::Optional,
            summary: "A number or a short name: a to z, 0 to 9 and -, at most 16",
        },
    ],
    keywords: &[
        Keyword {
            name: "off",
            aliases: &["down"],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "Bids under no name there",
        },
        Keyword {
            name: "all",
            aliases: &["everywhere"],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "In every auction of this broker",
        },
        Keyword {
            name: "anyway",
            aliases: &[],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "One paddle for all auctions, knowing what follows from it",
        },
    ],
    summary: "bid under a public name, as with a numbered paddle at an auction",
    details: "Everybody sees which bids of an auction are made under one paddle, and that nobody else can bid \
              under it. It is yours there once a bid under it counts. Whoever deals with you learns that all of \
              them are yours. Without one, nobody sees which bids are one bidder's. With `all` it is for every \
              auction of this broker, and whoever deals with you once knows all your bids there. Alone, it says \
              where you bid under which.",
    example: "/paddle 3f2a 17",
    read: parse::paddle,
};

/// Who bids under which name.
pub static PADDLES: Usage = Usage {
    name: "paddles",
    aliases: &[],
    synopsis: "[ROOM]",
    arguments: &[ROOM],
    keywords: &[],
    summary: "list the paddles of an auction and their bids",
    details: "Bids under no paddle are counted only: nobody but the broker knows whose they are.",
    example: "/paddles 3f2a",
    read: parse::paddles,
};
