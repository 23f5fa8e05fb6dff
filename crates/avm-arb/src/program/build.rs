//! Building a checked program.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::{
    Literal, LiteralId, MAX_LITERALS, MAX_OPERATIONS, MAX_TUPLE, Operation, Place, Program,
    ProgramError, Target,
};

/// Collects literals and operations in the order of writing and checks them.
#[derive(Clone, Debug)]
pub struct Builder {
    code: Vec<Operation>,
    literals: Vec<Literal>,
    max_operations: u32,
    max_literals: u32,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            code: Vec::new(),
            literals: Vec::new(),
            max_operations: MAX_OPERATIONS,
            max_literals: MAX_LITERALS,
        }
    }

    /// Adds a literal. The target of a code point is checked by [`finish`](Self::finish).
    ///
    /// # Errors
    /// If a tuple is too long or names a literal that is not there yet.
    pub fn literal(&mut self, literal: Literal) -> Result<LiteralId, ProgramError> {
        if let Literal::Tuple(elements) = &literal {
            if elements.len() > MAX_TUPLE {
                return Err(ProgramError::TupleTooLong {
                    found: elements.len(),
                });
            }
            elements.iter().try_for_each(|&id| self.known(id))?;
        }
        let id = LiteralId(self.literal_count());
        if id.0 >= self.max_literals {
            return Err(ProgramError::TooManyLiterals {
                limit: self.max_literals,
            });
        }
        self.literals.push(literal);
        Ok(id)
    }

    /// Adds an operation behind the ones so far; returns its number.
    ///
    /// # Errors
    /// If the immediate is not there yet or there are too many operations.
    pub fn operation(
        &mut self,
        opcode: u8,
        immediate: Option<LiteralId>,
    ) -> Result<u32, ProgramError> {
        immediate.map_or(Ok(()), |id| self.known(id))?;
        let index = self.operation_count();
        if index >= self.max_operations {
            return Err(ProgramError::TooManyOperations {
                limit: self.max_operations,
            });
        }
        self.code.push(Operation { opcode, immediate });
        Ok(index)
    }

    /// The program. `Target::Operation(k)` with `k` the number of operations becomes `Target::End`,
    /// and literals that nothing uses are left out.
    ///
    /// # Errors
    /// If a code point names an operation that is not there, or an immediate one that is not later.
    pub fn finish(self, static_value: LiteralId) -> Result<Program, ProgramError> {
        self.known(static_value)?;
        let operations = self.operation_count();
        let mut code = self.code;
        let mut numbers = Numbers {
            found: vec![None; self.literals.len()],
            literals: self.literals,
            distinct: BTreeMap::new(),
            operations,
        };
        for (index, operation) in (0..operations).zip(code.iter_mut()).rev() {
            if let Some(id) = operation.immediate {
                operation.immediate = Some(numbers.number(id, Place::Operation(index))?);
            }
        }
        let static_value = numbers.number(static_value, Place::Static)?;
        Ok(Program {
            code,
            static_value,
            literals: numbers.into_list(),
        })
    }

    /// Operations so far.
    #[must_use]
    pub fn operation_count(&self) -> u32 {
        u32::try_from(self.code.len()).expect("bounded by MAX_OPERATIONS")
    }

    fn literal_count(&self) -> u32 {
        u32::try_from(self.literals.len()).expect("bounded by MAX_LITERALS")
    }

    fn known(&self, id: LiteralId) -> Result<(), ProgramError> {
        let literals = self.literal_count();
        if id.0 < literals {
            return Ok(());
        }
        Err(ProgramError::UnknownLiteral { id: id.0, literals })
    }
}

/// Numbers literals by first use, equal ones alike.
struct Numbers {
    /// As the builder got them; what is numbered is moved out.
    literals: Vec<Literal>,
    /// New number by old one.
    found: Vec<Option<LiteralId>>,
    distinct: BTreeMap<Literal, LiteralId>,
    operations: u32,
}

impl Numbers {
    /// New number of `root`. Operations must come last to first: then the first use of a code point is
    /// the strictest, and later uses need no check.
    fn number(&mut self, root: LiteralId, place: Place) -> Result<LiteralId, ProgramError> {
        let mut open = vec![(root, 0)];
        while let Some((id, done)) = open.last_mut() {
            let (id, at) = (*id, *done);
            if self.found[id.index()].is_none() {
                if let Literal::Tuple(elements) = &self.literals[id.index()]
                    && let Some(&element) = elements.get(at)
                {
                    *done += 1;
                    open.push((element, 0));
                    continue;
                }
                self.take(id, place)?;
            }
            open.pop();
        }
        Ok(self.found[root.index()].expect("the loop ends when it is numbered"))
    }

    /// Numbers a literal whose elements are numbered.
    fn take(&mut self, id: LiteralId, place: Place) -> Result<(), ProgramError> {
        let gone = Literal::CodePoint(Target::End);
        let mut literal = core::mem::replace(&mut self.literals[id.index()], gone);
        match &mut literal {
            Literal::Tuple(elements) => {
                for element in elements {
                    *element = self.found[element.index()].expect("elements are numbered first");
                }
            }
            Literal::CodePoint(target) => *target = self.checked(*target, place)?,
            Literal::Int(_) | Literal::Buffer(_) => {}
        }
        let next = u32::try_from(self.distinct.len()).expect("bounded by MAX_LITERALS");
        let number = *self.distinct.entry(literal).or_insert(LiteralId(next));
        self.found[id.index()] = Some(number);
        Ok(())
    }

    fn checked(&self, target: Target, place: Place) -> Result<Target, ProgramError> {
        let operations = self.operations;
        match (target, place) {
            (Target::Operation(target), _) if target > operations => Err(ProgramError::PastEnd {
                place,
                target,
                operations,
            }),
            (Target::Operation(target), _) if target == operations => Ok(Target::End),
            (Target::Operation(target), Place::Operation(operation)) if target <= operation => {
                Err(ProgramError::Backward { operation, target })
            }
            _ => Ok(target),
        }
    }

    fn into_list(self) -> Vec<Literal> {
        let mut list = vec![Literal::CodePoint(Target::End); self.distinct.len()];
        for (literal, number) in self.distinct {
            list[number.index()] = literal;
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use ruint::aliases::U256;

    use super::*;

    fn int(builder: &mut Builder, n: u64) -> LiteralId {
        builder.literal(Literal::Int(U256::from(n))).unwrap()
    }

    fn point(builder: &mut Builder, k: u32) -> LiteralId {
        builder
            .literal(Literal::CodePoint(Target::Operation(k)))
            .unwrap()
    }

    #[test]
    fn equality_does_not_depend_on_the_way_of_building() {
        let mut a = Builder::new();
        let one = int(&mut a, 1);
        let end = a.literal(Literal::CodePoint(Target::End)).unwrap();
        let pair = a.literal(Literal::Tuple(vec![one, end])).unwrap();
        a.operation(0x3b, Some(pair)).unwrap();
        a.operation(0x3b, Some(one)).unwrap();
        let a = a.finish(pair).unwrap();

        let mut b = Builder::new();
        let unused = int(&mut b, 9);
        let (p, q) = (point(&mut b, 2), point(&mut b, 2));
        let (x, y, z) = (int(&mut b, 1), int(&mut b, 1), int(&mut b, 1));
        let pair = b.literal(Literal::Tuple(vec![x, p])).unwrap();
        let same = b.literal(Literal::Tuple(vec![y, q])).unwrap();
        b.operation(0x3b, Some(pair)).unwrap();
        b.operation(0x3b, Some(z)).unwrap();
        assert_ne!(b.clone().finish(unused).unwrap(), a);
        assert_eq!(b.finish(same).unwrap(), a);
        assert_eq!(a.literals().len(), 3);
    }

    #[test]
    fn targets() {
        let cases = [
            ("later", 1, Some(0), Ok(())),
            (
                "itself",
                1,
                Some(1),
                Err(ProgramError::Backward {
                    operation: 1,
                    target: 1,
                }),
            ),
            (
                "earlier",
                0,
                Some(1),
                Err(ProgramError::Backward {
                    operation: 1,
                    target: 0,
                }),
            ),
            ("end", 3, Some(2), Ok(())),
            ("static may name any", 0, None, Ok(())),
            ("behind the end", 4, Some(0), {
                let place = Place::Operation(0);
                Err(ProgramError::PastEnd {
                    place,
                    target: 4,
                    operations: 3,
                })
            }),
            ("static behind the end", 9, None, {
                Err(ProgramError::PastEnd {
                    place: Place::Static,
                    target: 9,
                    operations: 3,
                })
            }),
        ];
        for (name, target, user, want) in cases {
            let mut builder = Builder::new();
            let none = builder.literal(Literal::Tuple(vec![])).unwrap();
            let point = point(&mut builder, target);
            let nested = builder.literal(Literal::Tuple(vec![none, point])).unwrap();
            for index in 0..3 {
                let immediate = if user == Some(index) {
                    Some(nested)
                } else {
                    None
                };
                builder.operation(1, immediate).unwrap();
            }
            let static_value = if user.is_none() { nested } else { none };
            assert_eq!(builder.finish(static_value).map(|_| ()), want, "{name}");
        }
    }

    #[test]
    fn limits() {
        let mut builder = Builder::new();
        let one = int(&mut builder, 1);
        let nine = Literal::Tuple(vec![one; 9]);
        assert_eq!(
            builder.literal(nine),
            Err(ProgramError::TupleTooLong { found: 9 })
        );
        let unknown = ProgramError::UnknownLiteral { id: 1, literals: 1 };
        assert_eq!(
            builder.literal(Literal::Tuple(vec![LiteralId(1)])),
            Err(unknown.clone())
        );
        assert_eq!(
            builder.operation(1, Some(LiteralId(1))),
            Err(unknown.clone())
        );
        assert_eq!(builder.clone().finish(LiteralId(1)), Err(unknown));
        builder.max_operations = 0;
        builder.max_literals = 1;
        let want = ProgramError::TooManyOperations { limit: 0 };
        assert_eq!(builder.operation(1, None), Err(want));
        let want = ProgramError::TooManyLiterals { limit: 1 };
        assert_eq!(builder.literal(Literal::Int(U256::ZERO)), Err(want));
    }

    #[test]
    fn literals_are_in_loading_order() {
        let mut builder = Builder::new();
        let (p, q) = (point(&mut builder, 1), point(&mut builder, 2));
        let pair = builder.literal(Literal::Tuple(vec![q, p])).unwrap();
        builder.operation(0x3b, Some(pair)).unwrap();
        builder.operation(0x3b, Some(q)).unwrap();
        builder.operation(0x74, None).unwrap();
        let program = builder.finish(p).unwrap();
        let point = |k| Literal::CodePoint(Target::Operation(k));
        let want = [
            point(2),
            point(1),
            Literal::Tuple(vec![LiteralId(0), LiteralId(1)]),
        ];
        assert_eq!(program.literals(), want);
    }

    #[test]
    fn very_deep() {
        let deep = |leaf| {
            let mut builder = Builder::new();
            let mut id = int(&mut builder, leaf);
            for _ in 0..200_000 {
                id = builder.literal(Literal::Tuple(vec![id])).unwrap();
            }
            builder.finish(id).unwrap()
        };
        assert_eq!(deep(1), deep(1).clone());
        assert_ne!(deep(1), deep(2));
    }
}
