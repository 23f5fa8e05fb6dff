//! Random programs.

use avm_arb::program::{Builder, Literal, LiteralId, Program, Target};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use ruint::aliases::U256;

/// A literal before it is known what it may name.
#[derive(Clone, Debug)]
enum Draft {
    Int(U256),
    Tuple(Vec<Index>),
    Buffer(Vec<u8>),
    CodePoint(u32),
    End,
}

fn draft() -> impl Strategy<Value = Draft> {
    let int = prop_oneof![
        any::<[u64; 4]>().prop_map(U256::from_limbs),
        any::<u8>().prop_map(U256::from),
        any::<u32>().prop_map(U256::from),
        Just(U256::from(u64::from(u32::MAX) + 1)),
        Just(U256::MAX),
    ];
    prop_oneof![
        3 => int.prop_map(Draft::Int),
        4 => vec(any::<Index>(), 0..=8).prop_map(Draft::Tuple),
        1 => vec(any::<u8>(), 0..40).prop_map(Draft::Buffer),
        1 => "[ -~]{0,40}".prop_map(|text| Draft::Buffer(text.into_bytes())),
        2 => (0u32..20).prop_map(Draft::CodePoint),
        1 => Just(Draft::End),
    ]
}

/// Programs over all opcodes. Tuples favour late elements, so that they nest and share.
pub fn program() -> impl Strategy<Value = Program> {
    let operation = (any::<u8>(), proptest::option::of(any::<Index>()));
    (vec(draft(), 1..40), vec(operation, 0..20), any::<Index>()).prop_map(
        |(drafts, operations, static_value)| {
            let count = u32::try_from(operations.len()).unwrap();
            let mut builder = Builder::new();
            let mut ids: Vec<LiteralId> = Vec::new();
            // First operation that a code point in each literal names.
            let mut firsts: Vec<u32> = Vec::new();
            for draft in drafts {
                let mut first = u32::MAX;
                let literal = match draft {
                    Draft::Int(n) => Literal::Int(n),
                    Draft::Buffer(bytes) => Literal::Buffer(bytes),
                    Draft::End => Literal::CodePoint(Target::End),
                    Draft::CodePoint(k) => {
                        let k = k.min(count);
                        first = k;
                        Literal::CodePoint(Target::Operation(k))
                    }
                    Draft::Tuple(_) if ids.is_empty() => Literal::Tuple(vec![]),
                    Draft::Tuple(elements) => {
                        let late = ids.len().min(6);
                        let place = |at: Index| ids.len() - 1 - at.index(late);
                        let places: Vec<usize> = elements.into_iter().map(place).collect();
                        first = places.iter().map(|&at| firsts[at]).min().unwrap_or(first);
                        Literal::Tuple(places.iter().map(|&at| ids[at]).collect())
                    }
                };
                ids.push(builder.literal(literal).unwrap());
                firsts.push(first);
            }
            for ((opcode, immediate), index) in operations.into_iter().zip(0u32..) {
                let at = immediate.map(|at| at.index(ids.len()));
                let at = at.filter(|&at| firsts[at] > index);
                builder.operation(opcode, at.map(|at| ids[at])).unwrap();
            }
            builder.finish(ids[static_value.index(ids.len())]).unwrap()
        },
    )
}
