//! Reads a rule by the grammar of SPEC 7.10 (V-171) and checks that the kinds of its values fit (V-172).

use super::token::{Placed, Token, error, tokens};
use super::tree::{Body, Comparison, Expression, Let, Operator};
use super::{Bidding, Cause, Kind, MAX_DEPTH, RuleError, Variable};

/// An expression, the kind of its value, and where it begins.
type Typed = (Expression, Kind, usize);

const KEYWORDS: [&str; 5] = ["let", "if", "else", "true", "false"];

pub(super) fn read(source: &str, bidding: Bidding) -> Result<Body, RuleError> {
    let tokens = tokens(source)?;
    let mut reader = Reader { source, bidding, tokens, next: 0, depth: 0, locals: Vec::new() };
    let at = reader.at();
    let (body, kind) = reader.body()?;
    if *reader.token() != Token::End {
        return Err(reader.unexpected("the end of the rule"));
    }
    match kind {
        Kind::Boolean | Kind::Text | Kind::Answer => Ok(body),
        Kind::Integer => Err(reader.wrong_kind("true, false or a text", Kind::Integer, at)),
    }
}

struct Reader<'a> {
    source: &'a str,
    bidding: Bidding,
    tokens: Vec<Placed<'a>>,
    next: usize,
    /// How much is open here.
    depth: usize,
    /// What is named here, the first one first.
    locals: Vec<(&'a str, Kind)>,
}

impl<'a> Reader<'a> {
    fn token(&self) -> &Token<'a> {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.source.len(), |(_, at)| *at)
    }

    fn step(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    fn fails<T>(&self, at: usize, cause: Cause) -> Result<T, RuleError> {
        Err(error(self.source, at, cause))
    }

    fn unexpected(&self, expected: &'static str) -> RuleError {
        let got = match self.token() {
            Token::Integer(number) => number.to_string(),
            Token::Text(_) => "a text".to_owned(),
            Token::Name(name) => (*name).to_owned(),
            Token::Mark(mark) => (*mark).to_owned(),
            Token::End => "the end".to_owned(),
        };
        error(self.source, self.at(), Cause::Unexpected { expected, got })
    }

    fn wrong_kind(&self, expected: &'static str, got: Kind, at: usize) -> RuleError {
        error(self.source, at, Cause::Kind { expected, got })
    }

    fn takes_mark(&mut self, mark: &str) -> bool {
        let is_there = matches!(self.token(), Token::Mark(there) if *there == mark);
        if is_there {
            self.step();
        }
        is_there
    }

    fn takes_keyword(&mut self, keyword: &str) -> bool {
        let is_there = matches!(self.token(), Token::Name(there) if *there == keyword);
        if is_there {
            self.step();
        }
        is_there
    }

    fn expect_mark(&mut self, mark: &'static str) -> Result<(), RuleError> {
        if self.takes_mark(mark) { Ok(()) } else { Err(self.unexpected(mark)) }
    }

    /// The first of these operators that stands here, which is then passed.
    fn operator<O: Copy>(&mut self, all: &[O], mark: impl Fn(O) -> &'static str) -> Option<O> {
        all.iter().copied().find(|operator| self.takes_mark(mark(*operator)))
    }

    /// Reads what is within something that opens here.
    fn within<T>(
        &mut self,
        at: usize,
        read: impl FnOnce(&mut Self) -> Result<T, RuleError>,
    ) -> Result<T, RuleError> {
        if self.depth >= MAX_DEPTH {
            return self.fails(at, Cause::Depth);
        }
        self.depth += 1;
        let inside = read(self)?;
        self.depth -= 1;
        Ok(inside)
    }

    fn of_kind(&self, typed: Typed, kind: Kind) -> Result<Expression, RuleError> {
        let (expression, got, at) = typed;
        let expected = match kind {
            Kind::Integer => "a number",
            Kind::Boolean => "true or false",
            Kind::Text => "a text",
            Kind::Answer => "an answer",
        };
        if got == kind { Ok(expression) } else { Err(self.wrong_kind(expected, got, at)) }
    }

    /// `let`s and a value. The names are known up to its end.
    fn body(&mut self) -> Result<(Body, Kind), RuleError> {
        let outside = self.locals.len();
        let mut lets = Vec::new();
        while self.takes_keyword("let") {
            let name = self.new_name()?;
            self.expect_mark("=")?;
            let (value, kind, _) = self.expression()?;
            self.expect_mark(";")?;
            self.locals.push((name, kind));
            lets.push(Let { name: name.to_owned(), value });
        }
        let (value, kind, _) = self.expression()?;
        self.locals.truncate(outside);
        Ok((Body { lets, value: Box::new(value) }, kind))
    }

    fn new_name(&mut self) -> Result<&'a str, RuleError> {
        let (at, token) = (self.at(), self.token().clone());
        let Token::Name(name) = token else { return Err(self.unexpected("a name")) };
        let is_variable = Variable::of(name, Bidding::Open).is_some();
        let is_local = self.locals.iter().any(|(local, _)| *local == name);
        if KEYWORDS.contains(&name) || is_variable || is_local {
            return self.fails(at, Cause::Taken(name.to_owned()));
        }
        self.step();
        Ok(name)
    }

    fn expression(&mut self) -> Result<Typed, RuleError> {
        let at = self.at();
        if self.takes_keyword("if") { self.conditional(at) } else { self.any() }
    }

    fn conditional(&mut self, at: usize) -> Result<Typed, RuleError> {
        let mut branches = Vec::new();
        let mut common = None;
        loop {
            let condition = self.any()?;
            let condition = self.of_kind(condition, Kind::Boolean)?;
            branches.push((condition, self.braces(&mut common)?));
            if !self.takes_keyword("else") {
                return Err(self.unexpected("else"));
            }
            if !self.takes_keyword("if") {
                let last = self.braces(&mut common)?;
                let kind = common.unwrap_or(Kind::Answer);
                return Ok((Expression::If(branches, last), kind, at));
            }
        }
    }

    /// A body in braces, whose kind goes together with those of the other branches.
    fn braces(&mut self, common: &mut Option<Kind>) -> Result<Body, RuleError> {
        let open = self.at();
        self.expect_mark("{")?;
        let at = self.at();
        let (body, kind) = self.within(open, Self::body)?;
        self.expect_mark("}")?;
        *common = Some(match (*common, kind) {
            (None, kind) => kind,
            (Some(before), kind) if before == kind => kind,
            (Some(Kind::Integer), got) => return Err(self.wrong_kind("a number", got, at)),
            (Some(_), Kind::Integer) => {
                return Err(self.wrong_kind("true, false or a text", kind, at));
            }
            (Some(_), _) => Kind::Answer,
        });
        Ok(body)
    }

    fn any(&mut self) -> Result<Typed, RuleError> {
        self.chain("||", Self::all, Expression::Any)
    }

    fn all(&mut self) -> Result<Typed, RuleError> {
        self.chain("&&", Self::equality, Expression::All)
    }

    fn chain(
        &mut self,
        mark: &str,
        part: impl Fn(&mut Self) -> Result<Typed, RuleError>,
        joined: impl FnOnce(Vec<Expression>) -> Expression,
    ) -> Result<Typed, RuleError> {
        let first = part(self)?;
        if !self.takes_mark(mark) {
            return Ok(first);
        }
        let at = first.2;
        let mut parts = vec![self.of_kind(first, Kind::Boolean)?];
        loop {
            let next = part(self)?;
            parts.push(self.of_kind(next, Kind::Boolean)?);
            if !self.takes_mark(mark) {
                return Ok((joined(parts), Kind::Boolean, at));
            }
        }
    }

    fn equality(&mut self) -> Result<Typed, RuleError> {
        let (one, kind, at) = self.order()?;
        let either = [Comparison::Is, Comparison::IsNot];
        let Some(comparison) = self.operator(&either, Comparison::mark) else {
            return Ok((one, kind, at));
        };
        if kind == Kind::Answer {
            return Err(self.wrong_kind("a number, a text, true or false", kind, at));
        }
        let other = self.order()?;
        let other = self.of_kind(other, kind)?;
        Ok((Expression::Compared(Box::new(one), comparison, Box::new(other)), Kind::Boolean, at))
    }

    fn order(&mut self) -> Result<Typed, RuleError> {
        let one = self.sum()?;
        let orders =
            [Comparison::AtMost, Comparison::AtLeast, Comparison::Below, Comparison::Above];
        let Some(comparison) = self.operator(&orders, Comparison::mark) else { return Ok(one) };
        let at = one.2;
        let one = self.of_kind(one, Kind::Integer)?;
        let other = self.sum()?;
        let other = self.of_kind(other, Kind::Integer)?;
        Ok((Expression::Compared(Box::new(one), comparison, Box::new(other)), Kind::Boolean, at))
    }

    fn sum(&mut self) -> Result<Typed, RuleError> {
        self.arithmetic(&[Operator::Plus, Operator::Minus], Self::product)
    }

    fn product(&mut self) -> Result<Typed, RuleError> {
        self.arithmetic(&[Operator::Times, Operator::By, Operator::Remainder], Self::unary)
    }

    fn arithmetic(
        &mut self,
        operators: &[Operator],
        part: impl Fn(&mut Self) -> Result<Typed, RuleError>,
    ) -> Result<Typed, RuleError> {
        let first = part(self)?;
        let Some(mut operator) = self.operator(operators, Operator::mark) else {
            return Ok(first);
        };
        let at = first.2;
        let first = Box::new(self.of_kind(first, Kind::Integer)?);
        let mut rest = Vec::new();
        loop {
            let next = part(self)?;
            rest.push((operator, self.of_kind(next, Kind::Integer)?));
            match self.operator(operators, Operator::mark) {
                Some(next) => operator = next,
                None => return Ok((Expression::Arithmetic(first, rest), Kind::Integer, at)),
            }
        }
    }

    fn unary(&mut self) -> Result<Typed, RuleError> {
        let at = self.at();
        if self.takes_mark("-") {
            let operand = self.within(at, Self::unary)?;
            let operand = Box::new(self.of_kind(operand, Kind::Integer)?);
            return Ok((Expression::Negated(operand), Kind::Integer, at));
        }
        if self.takes_mark("!") {
            let operand = self.within(at, Self::unary)?;
            let operand = Box::new(self.of_kind(operand, Kind::Boolean)?);
            return Ok((Expression::Not(operand), Kind::Boolean, at));
        }
        self.operand()
    }

    fn operand(&mut self) -> Result<Typed, RuleError> {
        let (at, token) = (self.at(), self.token().clone());
        let (expression, kind) = match token {
            Token::Integer(number) => (Expression::Integer(number), Kind::Integer),
            Token::Text(text) => (Expression::Text(text), Kind::Text),
            Token::Name("true") => (Expression::Boolean(true), Kind::Boolean),
            Token::Name("false") => (Expression::Boolean(false), Kind::Boolean),
            Token::Name(name) if !KEYWORDS.contains(&name) => self.named(name, at)?,
            Token::Mark("(") => {
                self.step();
                let (inside, kind, _) = self.within(at, Self::expression)?;
                self.expect_mark(")")?;
                return Ok((inside, kind, at));
            }
            Token::Name(_) | Token::Mark(_) | Token::End => {
                return Err(self.unexpected("a value"));
            }
        };
        self.step();
        Ok((expression, kind, at))
    }

    fn named(&self, name: &str, at: usize) -> Result<(Expression, Kind), RuleError> {
        if let Some(variable) = Variable::of(name, self.bidding) {
            return Ok((Expression::Variable(variable), Kind::Integer));
        }
        let local = self.locals.iter().enumerate().find(|(_, (local, _))| *local == name);
        match local {
            Some((place, (_, kind))) => Ok((Expression::Local(place, name.to_owned()), *kind)),
            None => self.fails(at, Cause::Unknown(name.to_owned())),
        }
    }
}
