//! The laws that every machine must pass.

use avm_arb::asm::assemble;
use avm_arb::{Arb, Message};
use avm_testkit::laws::{self, Case};
use ruint::aliases::U256;

fn image(source: &str) -> Vec<u8> {
    let program =
        assemble(source).unwrap_or_else(|errors| panic!("{}", errors.render("case", source)));
    program
        .program
        .to_json()
        .expect("a small program")
        .into_bytes()
}

fn message(number: u64, data: &[u8]) -> Vec<u8> {
    let message = Message {
        kind: 3,
        sender: [number as u8; 20],
        block_number: U256::from(number),
        timestamp: U256::from(1000 + number),
        sequence_number: U256::from(number),
        gas_price_l1: U256::ZERO,
        data: data.into(),
    };
    message.to_bytes()
}

fn case(source: &str, inputs: &[&[u8]]) -> Case {
    let numbered = (0..).zip(inputs);
    Case {
        image: image(source),
        inputs: numbered
            .map(|(number, data)| message(number, data))
            .collect(),
    }
}

/// Reads messages for ever, keeps a list of them in the register, logs and sends.
const RELAY: &str = r#"
.static @loop
    rset ()
loop: inbox
    dup0
    tget 7              ; buffer, message
    dup1
    tget 6              ; size, buffer, message
    dup0
    iszero
    cjump @empty
    send
    jump @keep
empty: pop
    pop
keep: dup0
    tget 7
    getbuffer8 3
    auxpush
    rpush
    swap1
    push (0, 0)
    tset 0
    tset 1
    dup0
    rset
    log
    spush
    jump
"#;

/// Every kind of value, code made at run time, errors with a handler, both stacks.
const MIXED: &str = r#"
.static ((1, 2, (3, hex"0102")), @far, "static buffer that is longer than a leaf of the tree")
    errset @handler
    push (5, (6, 7, (8, @far)), @far)
    auxpush
    xget 1
    tget 2
    tget 1
    pop
    push 9
    xset 0              ; 0 <- 9
    auxpop
    hash
    spush
    tget 2
    setbuffer256 100        ; underflow: the handler takes over
    halt
handler: stackempty
    pop
    spush
    tget 2
    push 77
    setbuffer256 70
    dup0
    getbuffer256 64
    swap1
    type
    add
    errcodepoint
    pushinsnimm 0x3b
    push @far
    errset
    push 3
    eq @far
    tlen
far: newbuffer
    setbuffer64 1000
    ecrecover
"#;

/// A list a hundred long, hashed, then taken apart.
const LIST: &str = r#"
.static @build
    push ()
    push 100
build: dup0
    auxpush
    push (0, 0)
    tset 0
    tset 1
    auxpop
    sub 1
    push 0
    sub
    dup0
    spush
    cjump
    pop
    dup0
    hash
    log
    pcpush
    auxpush
    tget 1
    dup0
    tlen
    auxpop
    cjump
    halt
"#;

#[test]
fn hold() {
    let cases = [
        case(
            RELAY,
            &[
                b"one",
                b"",
                b"a message of more than thirty-two bytes of data",
                b"four",
            ],
        ),
        case(MIXED, &[]),
        case(LIST, &[]),
        case("halt", &[]),
        case("", &[]),
    ];
    laws::check(&Arb::default(), &cases);
}

#[test]
fn hold_for_the_reference_engine() {
    let reference = Arb {
        fast: false,
        ..Arb::default()
    };
    laws::check(&reference, &[case(RELAY, &[b"one", b""]), case(MIXED, &[])]);
}
