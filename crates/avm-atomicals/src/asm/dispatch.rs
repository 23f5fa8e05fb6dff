//! The code that finds the method which the unlocking script asks for.
//!
//! The number of the method is on top of its arguments. Each method stands in a branch of its own:
//!
//! | Methods | Code |
//! | ------- | ---- |
//! | 1 | `0 EQUALVERIFY` a |
//! | 2 | `NOTIF` a `ELSE` b `ENDIF` |
//! | more | `IFDUP NOT IF` a `ELSE 1SUB` the rest with numbers from 0 `ENDIF` |
//!
//! `IFDUP` leaves no copy of zero, so `NOT IF` finds method 0 and takes its number away at once; any
//! other number stays, and counts down. What is left at the last two is 0 or 1, and anything else is
//! no valid argument of `NOTIF`: numbers that no method has end there, as MINIMALIF. A number below
//! zero does too; an element that is no number fails at `NOT`. With one method the comparison fails.

use alloc::vec::Vec;

const OP_0: u8 = 0x00;
const OP_IF: u8 = 0x63;
const OP_NOTIF: u8 = 0x64;
const OP_ELSE: u8 = 0x67;
const OP_ENDIF: u8 = 0x68;
const OP_IFDUP: u8 = 0x73;
const OP_EQUALVERIFY: u8 = 0x88;
const OP_1SUB: u8 = 0x8c;
const OP_NOT: u8 = 0x91;

/// A piece of a contract with methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Code that leads to method `for_method`.
    Code {
        bytes: &'static [u8],
        for_method: usize,
    },
    /// The body of a method.
    Body(usize),
}

/// A contract with `methods` methods; there is at least one.
pub(super) fn pieces(methods: usize) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(3 * methods + 2);
    let mut code = |bytes, for_method| pieces.push(Piece::Code { bytes, for_method });
    if methods == 1 {
        code(&[OP_0, OP_EQUALVERIFY], 0);
        pieces.push(Piece::Body(0));
        return pieces;
    }
    for method in 0..methods {
        let left = methods - method;
        let first = method == 0;
        pieces.push(Piece::Code {
            bytes: match (left, first) {
                (1, _) => &[OP_ELSE],
                (2, true) => &[OP_NOTIF],
                (2, false) => &[OP_ELSE, OP_1SUB, OP_NOTIF],
                (_, true) => &[OP_IFDUP, OP_NOT, OP_IF],
                (_, false) => &[OP_ELSE, OP_1SUB, OP_IFDUP, OP_NOT, OP_IF],
            },
            for_method: method,
        });
        pieces.push(Piece::Body(method));
    }
    for method in (1..methods).rev() {
        pieces.push(Piece::Code {
            bytes: &[OP_ENDIF],
            for_method: method,
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the dispatcher does with selector `n`: the method that runs and the selectors left.
    fn run(methods: usize, n: i64) -> Result<Vec<usize>, &'static str> {
        let mut stack = alloc::vec![n];
        let (mut conditions, mut ran): (Vec<bool>, Vec<usize>) = (Vec::new(), Vec::new());
        for piece in pieces(methods) {
            let (bytes, _) = match piece {
                Piece::Body(method) => {
                    if conditions.iter().all(|&c| c) {
                        assert!(stack.is_empty(), "the selector is gone before the body");
                        ran.push(method);
                    }
                    continue;
                }
                Piece::Code { bytes, for_method } => (bytes, for_method),
            };
            for &op in bytes {
                let taken = conditions.iter().all(|&c| c);
                match op {
                    OP_ELSE => {
                        let top = conditions.last_mut().unwrap();
                        *top = !*top;
                    }
                    OP_ENDIF => drop(conditions.pop().unwrap()),
                    OP_IF | OP_NOTIF if !taken => conditions.push(false),
                    _ if !taken => {}
                    OP_IF | OP_NOTIF => match stack.pop().unwrap() {
                        x @ (0 | 1) => conditions.push((x == 1) == (op == OP_IF)),
                        _ => return Err("MINIMALIF"),
                    },
                    OP_0 => stack.push(0),
                    OP_EQUALVERIFY => {
                        if stack.pop() != stack.pop() {
                            return Err("EQUALVERIFY");
                        }
                    }
                    OP_IFDUP => stack.extend(stack.last().copied().filter(|&x| x != 0)),
                    OP_1SUB => *stack.last_mut().unwrap() -= 1,
                    OP_NOT => {
                        let top = stack.last_mut().unwrap();
                        *top = i64::from(*top == 0);
                    }
                    _ => unreachable!(),
                }
            }
        }
        assert_eq!(conditions, [] as [bool; 0], "all branches close");
        Ok(ran)
    }

    #[test]
    fn each_number_finds_its_method_and_no_other_number_does() {
        for methods in 1..40 {
            for n in -3..45 {
                let known = usize::try_from(n).ok().filter(|&n| n < methods);
                match (run(methods, n), known) {
                    (Ok(ran), Some(method)) => assert_eq!(ran, [method]),
                    (Err("EQUALVERIFY"), None) => assert_eq!(methods, 1),
                    (Err("MINIMALIF"), None) => assert!(methods > 1),
                    (found, _) => panic!("{methods} methods, number {n}: {found:?}"),
                }
            }
        }
    }

    #[test]
    fn its_size() {
        let size = |methods| -> usize {
            let pieces = pieces(methods);
            let code = pieces.iter().map(|piece| match piece {
                Piece::Code { bytes, .. } => bytes.len(),
                Piece::Body(_) => 0,
            });
            code.sum()
        };
        let sizes: Vec<usize> = (1..=6).map(size).collect();
        assert_eq!(sizes, [2, 3, 9, 15, 21, 27]);
    }
}
