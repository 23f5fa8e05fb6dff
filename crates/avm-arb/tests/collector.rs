//! What can still be reached outlives collections unchanged.

use avm_arb::asm::assemble;
use avm_arb::{Arb, Status};
use avm_core::{Claim, Machine, MemoryInbox, MemoryOutbox, advance};

/// Keeps one object of each kind in the register, made at run time, while it makes garbage of each
/// kind. At the end the register must hash like the same value written as a literal.
const PROGRAM: &str = r#"
.const BYTES = hex"00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000000000000 09"
.static (-1, BYTES, @last, (0x2000000000000000, 5))
    push    -1
    push    (0, 0, 0, 0)
    tset    0               ; (-1, 0, 0, 0)
    newbuffer
    push    9
    setbuffer8 40
    swap1
    tset    1
    errcodepoint
    push    -2
    pushinsnimm 0x3b        ; the code point of `push -2` in front of the error code point
    swap1
    tset    2
    push    (0x2000000000000000, 5)
    swap1
    tset    3
    rset
    push    60000
    pcpush                  ; n loop
    auxpush
    push    -3              ; garbage: a tuple with a large int
    push    (0, 0)
    tset    0
    pop
    newbuffer               ; a buffer
    push    1
    setbuffer256 1000
    pop
    errcodepoint            ; code
    pushinsn 0x3b
    pop
    push    1
    swap1
    sub
    dup0
    auxpop
    cjump
    pop
    rpush
    hash
    log
    spush
    hash
    log
    halt
last: push -2
"#;

#[test]
fn objects_of_every_kind_survive() {
    let program = assemble(PROGRAM)
        .unwrap_or_else(|e| panic!("{}", e.render("test", PROGRAM)))
        .program;
    for fast in [true, false] {
        // Less memory than the garbage takes.
        let arb = Arb {
            fast,
            memory_limit_bytes: 4 << 20,
        };
        let mut machine = arb.load(&program);
        let genesis = Claim::genesis(machine.state_hash());
        let (inbox, mut outbox) = (MemoryInbox::default(), MemoryOutbox::default());
        advance(&mut machine, genesis, &inbox, &mut outbox, u64::MAX).expect("4 MB are enough");
        assert_eq!(machine.status(), Status::Halted, "fast: {fast}");
        let [(_, kept), (_, literal)] = outbox.outputs[..] else {
            panic!("two logs, found {:?}", outbox.outputs);
        };
        assert_eq!(kept, literal, "fast: {fast}");
    }
}

#[test]
fn a_state_that_grows_for_ever_hits_its_limit() {
    let source = "push ()\npcpush\nauxpush\npush (0, 0)\ntset 0\npush (0, 0)\ntset 1\nauxpop\njump";
    let program = assemble(source).expect("assembles").program;
    let arb = Arb {
        memory_limit_bytes: 16 << 20,
        ..Arb::default()
    };
    let mut machine = arb.load(&program);
    let genesis = Claim::genesis(machine.state_hash());
    let (inbox, mut outbox) = (MemoryInbox::default(), MemoryOutbox::default());
    let error = advance(&mut machine, genesis, &inbox, &mut outbox, u64::MAX).unwrap_err();
    assert!(error.to_string().contains("16777216 bytes"), "{error}");
}
