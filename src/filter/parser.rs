//! Turns tokens into an expression: operator precedence with an explicit stack.

use super::error::{Error, ErrorKind};
use super::expression::{Binary, Expression, Function, Node};
use super::lexer::{Lexer, Symbol, Token};
use super::{MAX_DEPTH, MAX_TEXT};

/// Parses the text of a filter.
pub fn parse(text: &[u8]) -> Result<Expression, Error> {
    if text.len() > MAX_TEXT {
        return fail(MAX_TEXT, ErrorKind::TooLong);
    }
    let mut lexer = Lexer::new(text);
    let mut parser = Parser::default();
    let mut value_expected = true;
    loop {
        let (token, position) = lexer.next(value_expected)?;
        value_expected = if value_expected {
            parser.operand(token, position, &mut lexer)?
        } else if token == Token::End {
            return parser.finish();
        } else {
            parser.operator(token, position, &mut lexer)?
        };
    }
}

/// What waits for its right side or its closing parenthesis.
enum Pending {
    Not,
    Binary(Binary),
    Open,
    Call { function: Function, complete: usize },
}

#[derive(Default)]
struct Parser {
    nodes: Vec<Node>,
    pending: Vec<(Pending, usize)>,
    /// How many of `pending` are open.
    open: usize,
    /// The current and the maximum depth of the stack.
    values: usize,
    depth: usize,
}

impl Parser {
    /// Takes a token where a value is expected. Returns whether one still is.
    fn operand(&mut self, token: Token, at: usize, lexer: &mut Lexer) -> Result<bool, Error> {
        let node = match token {
            Token::Operand(node) => node,
            Token::Symbol(Symbol::Exists) => exists(lexer)?,
            Token::Symbol(Symbol::Not) => {
                self.pending.push((Pending::Not, at));
                return Ok(true);
            }
            Token::Symbol(Symbol::Open) => return self.open(Pending::Open, at),
            Token::Symbol(Symbol::Call(function)) => {
                let complete = 0;
                return self.open(Pending::Call { function, complete }, at);
            }
            Token::End if self.nodes.is_empty() && self.pending.is_empty() => {
                return fail(at, ErrorKind::Empty);
            }
            Token::Symbol(_) | Token::End => return fail(at, ErrorKind::Operand),
        };
        self.emit(node, at)?;
        self.negate();
        Ok(false)
    }

    /// Takes a token where an operator is expected. Returns whether a value is, after it.
    fn operator(&mut self, token: Token, at: usize, lexer: &mut Lexer) -> Result<bool, Error> {
        let Token::Symbol(symbol) = token else {
            return fail(at, ErrorKind::Operator);
        };
        match symbol {
            Symbol::Binary(binary) => self.binary(binary, at),
            Symbol::Not => {
                // `x not in y`: the operand already read is negated.
                let (Token::Symbol(Symbol::Binary(Binary::In)), at) = lexer.next(false)? else {
                    return fail(at, ErrorKind::Operator);
                };
                self.emit(Node::Not, at)?;
                self.binary(Binary::In, at);
            }
            Symbol::Close => {
                self.close(at)?;
                return Ok(false);
            }
            Symbol::Comma => {
                self.reduce(|_| true);
                match self.pending.last_mut() {
                    Some((Pending::Call { complete, .. }, _)) => *complete += 1,
                    _ => return fail(at, ErrorKind::Unopened),
                }
            }
            _ => return fail(at, ErrorKind::Operator),
        }
        Ok(true)
    }

    fn finish(mut self) -> Result<Expression, Error> {
        self.reduce(|_| true);
        if let Some(&(_, position)) = self.pending.last() {
            return fail(position, ErrorKind::Unclosed);
        }
        Ok(Expression { nodes: self.nodes, depth: self.depth })
    }

    fn open(&mut self, pending: Pending, at: usize) -> Result<bool, Error> {
        self.open += 1;
        if self.open > MAX_DEPTH {
            return fail(at, ErrorKind::TooDeep);
        }
        self.pending.push((pending, at));
        Ok(true)
    }

    fn close(&mut self, at: usize) -> Result<(), Error> {
        self.reduce(|_| true);
        match self.pending.pop() {
            None => return fail(at, ErrorKind::Unopened),
            Some((Pending::Call { function, complete }, start)) => {
                if complete + 1 != function.arguments() {
                    let kind = ErrorKind::Arguments { function: function.name(), takes: function.arguments() };
                    return fail(start, kind);
                }
                self.emit(Node::Call(function), at)?;
            }
            Some(_) => {}
        }
        self.open -= 1;
        self.negate();
        Ok(())
    }

    fn binary(&mut self, binary: Binary, at: usize) {
        self.reduce(|waiting| {
            waiting.precedence() > binary.precedence()
                || waiting.precedence() == binary.precedence() && binary.left_first()
        });
        self.pending.push((Pending::Binary(binary), at));
    }

    /// Applies the binary operators on top of the stack that `first` selects.
    fn reduce(&mut self, first: impl Fn(Binary) -> bool) {
        while let Some(&(Pending::Binary(binary), _)) = self.pending.last() {
            if !first(binary) {
                return;
            }
            self.pending.pop();
            self.values -= 1;
            self.nodes.push(Node::Binary(binary));
        }
    }

    /// Applies the prefix operators before an operand just completed: they bind tightest.
    fn negate(&mut self) {
        while let Some((Pending::Not, _)) = self.pending.last() {
            self.pending.pop();
            self.nodes.push(Node::Not);
        }
    }

    fn emit(&mut self, node: Node, at: usize) -> Result<(), Error> {
        self.values = self.values + 1 - node.operands();
        self.depth = self.depth.max(self.values);
        if self.depth > MAX_DEPTH {
            return fail(at, ErrorKind::TooDeep);
        }
        self.nodes.push(node);
        Ok(())
    }
}

/// Reads the argument of `exists`, which is a field and no value.
fn exists(lexer: &mut Lexer) -> Result<Node, Error> {
    let path = match lexer.next(true)? {
        (Token::Operand(Node::Field(path)), _) => path,
        (_, at) => return fail(at, ErrorKind::Field),
    };
    match lexer.next(false)? {
        (Token::Symbol(Symbol::Close), _) => Ok(Node::Exists(path)),
        (_, at) => fail(at, ErrorKind::Field),
    }
}

fn fail<T>(position: usize, kind: ErrorKind) -> Result<T, Error> {
    Err(Error { position, kind })
}
