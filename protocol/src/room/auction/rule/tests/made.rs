//! Rules that are made up: from the same seed always the same ones.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::rule::{Bidding, Kind, MAX_SOURCE, State, Variable};

const TEXTS: [&str; 4] =
    ["no", "too low", "only \\\"round\\\" amounts", "n\u{e3}o, j\u{e1} n\u{e3}o"];
const NUMBERS: [i64; 12] =
    [0, 1, 2, 3, 7, 10, 60, 100, 3_600, 9_007_199_254_740_991, 4_611_686_018_427_387_904, i64::MAX];

pub(super) struct Maker {
    random: ChaCha8Rng,
    bidding: Bidding,
    locals: Vec<(String, Kind)>,
    named: u32,
}

impl Maker {
    pub(super) fn new(seed: [u8; 32], bidding: Bidding) -> Self {
        Self { random: ChaCha8Rng::from_seed(seed), bidding, locals: Vec::new(), named: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).expect("bounds of tests are small");
        usize::try_from(self.random.next_u32() % bound).expect("a usize has 32 bits at least")
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A source that is a rule, if it is not too long.
    pub(super) fn rule(&mut self) -> String {
        loop {
            self.locals.clear();
            let kind = self.one(&[Kind::Boolean, Kind::Answer, Kind::Text, Kind::Answer]);
            let source = self.body(kind, 3);
            if source.len() <= MAX_SOURCE {
                return source;
            }
        }
    }

    /// A state with values that are likely to matter.
    pub(super) fn state(&mut self) -> State {
        let mut state = State::default();
        for &variable in Variable::ALL {
            let number = self.one(&NUMBERS[..10]);
            let near = i64::try_from(self.below(3)).expect("it is small");
            *state.value_mut(variable) = (number - near).max(0);
        }
        state
    }

    /// The source with one thing taken out, put in or doubled.
    pub(super) fn spoilt(&mut self, source: &str) -> String {
        let mut characters: Vec<char> = source.chars().collect();
        let at = self.below(characters.len());
        let other = self.one(&[
            '(', ')', '{', '}', ';', '-', '!', '=', '"', '\\', '0', '_', 'a', ' ', '\n', '\u{e9}',
        ]);
        match self.below(4) {
            0 => drop(characters.remove(at)),
            1 => characters.insert(at, other),
            2 => characters[at] = other,
            _ => characters.insert(at, characters[at]),
        }
        characters.into_iter().collect()
    }

    fn body(&mut self, kind: Kind, depth: usize) -> String {
        let outside = self.locals.len();
        let mut source = String::new();
        for _ in 0..self.below(3) {
            let of =
                self.one(&[Kind::Integer, Kind::Integer, Kind::Boolean, Kind::Text, Kind::Answer]);
            let value = self.expression(of, depth.saturating_sub(1));
            let name = format!("n{}", self.named);
            self.named += 1;
            source.push_str(&format!("let {name} = {value};{}", self.one(&[" ", "\n"])));
            self.locals.push((name, of));
        }
        source.push_str(&self.expression(kind, depth));
        self.locals.truncate(outside);
        source
    }

    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        if kind == Kind::Answer || (depth > 0 && self.below(6) == 0) {
            return self.conditional(kind, depth);
        }
        self.plain(kind, depth)
    }

    fn conditional(&mut self, kind: Kind, depth: usize) -> String {
        let depth = depth.saturating_sub(1);
        let mut source = String::new();
        // An answer has both kinds, the one after the other.
        let branch = |at: usize| match kind {
            Kind::Answer if at.is_multiple_of(2) => Kind::Text,
            Kind::Answer => Kind::Boolean,
            kind => kind,
        };
        let more = self.below(2);
        for at in 0..=more {
            let condition = self.plain(Kind::Boolean, depth);
            let body = self.body(branch(at), depth);
            source.push_str(&format!("if {condition} {{ {body} }} else "));
        }
        let last = self.body(branch(more + 1), depth);
        format!("{source}{{ {last} }}")
    }

    /// Something that is no conditional, or in brackets.
    fn plain(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.below(4) == 0 {
            return self.leaf(kind);
        }
        let depth = depth - 1;
        match (kind, self.below(5)) {
            (Kind::Integer, 0) => format!("-{}", self.operand(kind, depth)),
            (Kind::Integer, _) => {
                let mut source = self.operand(kind, depth);
                for _ in 0..=self.below(2) {
                    let operator = self.one(&["+", "-", "*", "/", "%"]);
                    source.push_str(&format!(" {operator} {}", self.operand(kind, depth)));
                }
                source
            }
            (Kind::Boolean, 0) => format!("!{}", self.operand(kind, depth)),
            (Kind::Boolean, 1) => {
                let mark = self.one(&[" && ", " || "]);
                let parts: Vec<_> =
                    (0..2 + self.below(2)).map(|_| self.operand(kind, depth)).collect();
                parts.join(mark)
            }
            (Kind::Boolean, 2) => {
                let of = self.one(&[Kind::Boolean, Kind::Text]);
                let mark = self.one(&["==", "!="]);
                format!("{} {mark} {}", self.operand(of, depth), self.operand(of, depth))
            }
            (Kind::Boolean, _) => {
                let mark = self.one(&["==", "!=", "<", "<=", ">", ">="]);
                let (one, other) = (self.sum(depth), self.sum(depth));
                format!("{one} {mark} {other}")
            }
            (kind, _) => self.leaf(kind),
        }
    }

    /// Integers bind closer than what compares them.
    fn sum(&mut self, depth: usize) -> String {
        self.plain(Kind::Integer, depth)
    }

    fn operand(&mut self, kind: Kind, depth: usize) -> String {
        match self.below(3) {
            0 => self.leaf(kind),
            _ => format!("({})", self.expression(kind, depth)),
        }
    }

    fn leaf(&mut self, kind: Kind) -> String {
        let locals = self.locals.iter().filter(|(_, of)| *of == kind);
        let locals: Vec<String> = locals.map(|(name, _)| name.clone()).collect();
        if !locals.is_empty() && self.below(2) == 0 {
            return locals[self.below(locals.len())].clone();
        }
        match kind {
            Kind::Integer if self.below(2) == 0 => self.one(&NUMBERS).to_string(),
            Kind::Integer => {
                let known = Variable::ALL.iter().filter(|one| one.is_known(self.bidding));
                let known: Vec<_> = known.copied().collect();
                self.one(&known).name().to_owned()
            }
            Kind::Boolean => self.one(&["true", "false"]).to_owned(),
            Kind::Text | Kind::Answer => format!("\"{}\"", self.one(&TEXTS)),
        }
    }
}
