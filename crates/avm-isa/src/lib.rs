//! Opcode tables as data. One row says all there is to say about an opcode; decoding, the checks
//! before a handler, charging, assemblers, traces and the documentation follow from it.
//!
//! ```
//! use avm_isa::{Look::{Closed, Open}, Op, index, op};
//!
//! type Exec = fn(u64, u64) -> u64;
//! const OPS: &[Op<Exec>] = &[
//!     op(0x01, "add").pops(&[Open, Open]).pushes(1).gas(3).doc("Sum.").run(|a, b| a + b),
//!     op(0x40, "dup0").pops(&[Closed]).pushes(2).gas(1).doc("Copies the top.").run(|a, _| a),
//! ];
//! static DECODE: [Option<&Op<Exec>>; 256] = index(OPS);
//!
//! let add = DECODE[0x01].unwrap();
//! assert_eq!((add.name, (add.run)(2, 3)), ("add", 5));
//! assert!(DECODE[0x02].is_none());
//! ```

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod page;

pub use page::page;

/// How deep an instruction looks into an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It reads what is inside: a proof must open the operand.
    Open,
    /// It moves, stores or hashes the operand: a proof may leave it closed.
    Closed,
}

/// One opcode: the row of a table, with the machine's handler `X`.
#[derive(Clone, Copy, Debug)]
pub struct Op<X> {
    /// What follows from the row without the handler.
    pub info: Info,
    /// The handler.
    pub run: X,
}

impl<X> core::ops::Deref for Op<X> {
    type Target = Info;

    fn deref(&self) -> &Info {
        &self.info
    }
}

/// The columns of a row that documents, assemblers and traces read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Opcode byte.
    pub code: u8,
    /// Name, as the machine's specification spells it.
    pub name: &'static str,
    /// Operands taken from the main stack, top first.
    pub pops: &'static [Look],
    /// Operands taken from the second stack, top first.
    pub aux_pops: &'static [Look],
    /// Values left on the main stack.
    pub pushes: u8,
    /// Values left on the second stack.
    pub aux_pushes: u8,
    /// Gas charged before the handler runs; a handler may add a variable part.
    pub gas: u64,
    /// One sentence for people.
    pub doc: &'static str,
    /// What the variable part of the gas is, empty if there is none.
    pub gas_doc: &'static str,
}

/// Starts a row.
#[must_use]
pub const fn op(code: u8, name: &'static str) -> Info {
    Info {
        code,
        name,
        pops: &[],
        aux_pops: &[],
        pushes: 0,
        aux_pushes: 0,
        gas: 0,
        doc: "",
        gas_doc: "",
    }
}

impl Info {
    /// Operands taken from the main stack, top first.
    #[must_use]
    pub const fn pops(mut self, pops: &'static [Look]) -> Self {
        self.pops = pops;
        self
    }

    /// Operands taken from the second stack, top first.
    #[must_use]
    pub const fn aux_pops(mut self, pops: &'static [Look]) -> Self {
        self.aux_pops = pops;
        self
    }

    /// Values left on the main stack.
    #[must_use]
    pub const fn pushes(mut self, count: u8) -> Self {
        self.pushes = count;
        self
    }

    /// Values left on the second stack.
    #[must_use]
    pub const fn aux_pushes(mut self, count: u8) -> Self {
        self.aux_pushes = count;
        self
    }

    /// Gas charged before the handler runs.
    #[must_use]
    pub const fn gas(mut self, gas: u64) -> Self {
        self.gas = gas;
        self
    }

    /// Gas with a variable part, which `doc` explains.
    #[must_use]
    pub const fn gas_plus(mut self, gas: u64, doc: &'static str) -> Self {
        self.gas = gas;
        self.gas_doc = doc;
        self
    }

    /// One sentence for people.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Ends the row with its handler.
    #[must_use]
    pub const fn run<X>(self, run: X) -> Op<X> {
        Op { info: self, run }
    }
}

/// The table by opcode. Does not compile if two rows share a code or a row has no doc line.
///
/// # Panics
/// In a `const` this is a compile error, which is the point.
#[must_use]
pub const fn index<X>(ops: &'static [Op<X>]) -> [Option<&'static Op<X>>; 256] {
    let mut table = [None; 256];
    let mut row = 0;
    while row < ops.len() {
        let op = &ops[row];
        assert!(!op.info.doc.is_empty(), "an opcode has no doc line");
        assert!(!op.info.name.is_empty(), "an opcode has no name");
        assert!(
            table[op.info.code as usize].is_none(),
            "two opcodes share a code"
        );
        table[op.info.code as usize] = Some(op);
        row += 1;
    }
    table
}
