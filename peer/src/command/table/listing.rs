//! What a seller does: lists an item, lists it again, takes it back.

use super::{Argument, ArgumentKind, Keyword, Need, ROOM, Usage};
use crate::command::parse;

/// When an auction ends.
const UNTIL: Keyword = Keyword {
    name: "until",
    aliases: &[],
    value: "TIME",
    kind: ArgumentKind::Word,
    summary: "When it ends: 18:00, 2026-12-24T18:00, or with a zone 2026-12-24T18:00+00:00",
};

/// Offers an item.
pub static LIST: Usage = Usage {
    name: "list",
    aliases: &["sell"],
    synopsis: "TITLE START (for DURATION | until TIME) [begins TIME] [step AMOUNT] [steps TABLE] [raise AMOUNT] [buy AMOUNT] [extend DURATION | fixed-end] [grace DURATION] [sealed PRICE] [tsas T-of-N] [dutch FLOOR] [every DURATION] [rule FILE] [bids NUMBER] [reserve AMOUNT] [one-per-citizen] [currency CODE] [desc TEXT]",
    arguments: &[
        Argument {
            name: "TITLE",
            kind: ArgumentKind::Text,
            need: Need::Required,
            summary: "What is offered; at most 80 characters",
        },
        Argument {
            name: "START",
            kind: ArgumentKind::Amount,
            need: Need::Required,
            summary: "Lowest first bid, in units of the currency",
        },
    ],
    keywords: &[
        Keyword {
            name: "for",
            aliases: &[],
            value: "DURATION",
            kind: ArgumentKind::Word,
            summary: "How long the auction runs, e.g. 90s, 10m, 2h; this or `until` is needed",
        },
        UNTIL,
        Keyword {
            name: "begins",
            aliases: &["begin"],
            value: "TIME",
            kind: ArgumentKind::Word,
            summary: "From when on bids count: such a time, or a duration from now [default: at once]",
        },
        Keyword {
            name: "step",
            aliases: &["increment"],
            value: "AMOUNT",
            kind: ArgumentKind::Amount,
            summary: "Least step between bids, or by how much a price falls at once [default: one unit]",
        },
        Keyword {
            name: "steps",
            aliases: &["increments"],
            value: "TABLE",
            kind: ArgumentKind::Word,
            summary: "Other steps from amounts on, 16 at most: 100:5,1000:20",
        },
        Keyword {
            name: "raise",
            aliases: &["max-raise"],
            value: "AMOUNT",
            kind: ArgumentKind::Amount,
            summary: "Most by which one bid may raise the price [default: no limit]",
        },
        Keyword {
            name: "buy",
            aliases: &["buy-now"],
            value: "AMOUNT",
            kind: ArgumentKind::Amount,
            summary: "Bid of that much ends the auction at once, until another bid is half of it",
        },
        Keyword {
            name: "extend",
            aliases: &["soft"],
            value: "DURATION",
            kind: ArgumentKind::Word,
            summary: "Each bid in the last such span moves the end by it [default: 60s]",
        },
        Keyword {
            name: "fixed-end",
            aliases: &["fixed"],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "No bid moves the end",
        },
        Keyword {
            name: "grace",
            aliases: &[],
            value: "DURATION",
            kind: ArgumentKind::Word,
            summary: "How late the broker may close it, 60s at most [default: 5s, or 60s where bids are sealed]",
        },
        Keyword {
            name: "sealed",
            aliases: &[],
            value: "PRICE",
            kind: ArgumentKind::Word,
            summary: "Bids are read once it is over; who wins pays `first`, their own, or `second`, the highest that loses",
        },
        Keyword {
            name: "tsas",
            aliases: &[],
            value: "T-of-N",
            kind: ArgumentKind::Word,
            summary: "N TSAs lock sealed bids, and T of them open the bids with the broker [default: its own TSA alone]",
        },
        Keyword {
            name: "dutch",
            aliases: &["floor"],
            value: "FLOOR",
            kind: ArgumentKind::Amount,
            summary: "The price falls from START to this; who bids first has it at the price of that moment",
        },
        Keyword {
            name: "every",
            aliases: &[],
            value: "DURATION",
            kind: ArgumentKind::Word,
            summary: "After how long such a price falls each time [default: 10s]",
        },
        Keyword {
            name: "rule",
            aliases: &[],
            value: "FILE",
            kind: ArgumentKind::Word,
            summary: "File with what you ask of each bid besides; `pregao rule check FILE` explains and tries it",
        },
        Keyword {
            name: "bids",
            aliases: &[],
            value: "NUMBER",
            kind: ArgumentKind::Word,
            summary: "How many bids each bidder may make, 32 at most [default: any number, or 8 where bids are sealed]",
        },
        Keyword {
            name: "reserve",
            aliases: &[],
            value: "AMOUNT",
            kind: ArgumentKind::Amount,
            summary: "Nothing is sold for less, and nobody reads how much that is until no bid counts any more",
        },
        Keyword {
            name: "one-per-citizen",
            aliases: &["citizens"],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "One persona of each citizen bids: of those enrolled by card in this period, as yours must be",
        },
        Keyword {
            name: "currency",
            aliases: &[],
            value: "CODE",
            kind: ArgumentKind::Word,
            summary: "Three letters as in ISO 4217 [default: EUR]",
        },
        Keyword {
            name: "desc",
            aliases: &["description"],
            value: "TEXT",
            kind: ArgumentKind::Saying,
            summary: "More about the item; at most 1,000 characters",
        },
    ],
    summary: "offer an item: opens an auction",
    details: "START is the lowest first bid. Without `step`, bids rise by at least one unit. \
              Each bid in the last 60 seconds moves the end by 60 seconds, for an hour at most; with \
              `extend 30s` it is 30 seconds, for ten minutes at most; with `fixed-end` no bid moves it. \
              With `sealed` neither others nor the broker nor the TSA read a bid before it is over, and the end is fixed. \
              With `tsas 2-of-3` it takes any two of three TSAs to read one, and one of them may be away then. \
              A `reserve` is sealed in the same way: this program has to run until that is done, right after the listing, and \
              nobody can bid before. Once it is over this program opens it, or it opens by itself after the last end there can be. \
              Bidders read a `rule` in words and as you wrote it, and bids that it does not answer with true are refused. \
              With `dutch 20 step 5 every 10s` the price falls from START to 20 by 5 each ten seconds, and the earliest \
              bid has it, by the time of the TSA; /take bids there. \
              With `one-per-citizen` only personas that were enrolled with a citizen card in the present period bid, one of \
              each citizen; yours has to be one. \
              Whoever bids the amount of `buy` has it, and if they do not disclose, nobody has. \
              You read all terms, with what comes of each, and are asked before it is signed. Nothing can be changed \
              once it is listed.",
    example: "/list \"Old radio\" 10 for 90s step 1 extend 30s currency EUR desc \"Works, a bit loud\"",
    read: parse::list,
};

/// Offers an item again.
pub static RELIST: Usage = Usage {
    name: "relist",
    aliases: &[],
    synopsis: "[ROOM] [start AMOUNT] [for DURATION | until TIME]",
    arguments: &[ROOM],
    keywords: &[
        Keyword {
            name: "start",
            aliases: &[],
            value: "AMOUNT",
            kind: ArgumentKind::Amount,
            summary: "Another lowest first bid [default: as before]",
        },
        Keyword {
            name: "for",
            aliases: &[],
            value: "DURATION",
            kind: ArgumentKind::Word,
            summary: "How long it runs, e.g. 90s, 10m, 2h [default: as long as before]",
        },
        UNTIL,
    ],
    summary: "offer your item of an auction that is over again",
    details: "All terms are as they were, but for those given. It is a new auction with a name of its own.",
    example: "/relist #3f2a start 8 for 2h",
    read: parse::relist,
};

/// Takes an item back.
pub static UNLIST: Usage = Usage {
    name: "unlist",
    aliases: &[],
    synopsis: "[ROOM] [SUCCESSOR]",
    arguments: &[
        ROOM,
        Argument {
            name: "SUCCESSOR",
            kind: ArgumentKind::Text,
            need: Need::Optional,
            summary: "The auction in which you offer it instead",
        },
    ],
    keywords: &[],
    summary: "take your item back before anybody has bid on it",
    details: "Terms cannot be changed: a bid on its way would bind to some that its author never saw. So list \
              the item anew, and name that auction here. You are asked before it is sent. A bid stamped before still \
              counts; after the first bid nothing is taken back.",
    example: "/unlist #3f2a",
    read: parse::unlist,
};
