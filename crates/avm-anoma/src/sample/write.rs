//! Random code, register by register.
//!
//! - 0 scratch, 1 the input, 2 and 3 numbers, 4 and 7 objects, 5 and 6 whatever came out last, 8 and
//!   9 transactions. They are defined at the start and stay so.
//! - From [`FREE`] on there are temporaries, further up inside of loops and handlers, so that the
//!   windows of calls are behind all that is alive.

use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;

use super::{BEHAVIOURS, CONTROLLERS, Dice, MACHINES, OBJECTS, PROGRAMS, SETUP};
use crate::code::{Builder, Export, ExportKind, Module, ModuleBuilder, op};
use crate::value::{CodeRef, Val};

/// The first temporary.
const FREE: u8 = 10;
/// How deep loops, handlers and transactions stand in each other.
const NESTED: u8 = 3;

fn export(name: &str, kind: ExportKind, function: u16) -> Export {
    Export {
        name: name.to_string(),
        kind,
        function: function.into(),
        fields: alloc::vec::Vec::new(),
        deterministic: false,
    }
}

/// A library of pure functions, and the module of behaviours and programs.
pub fn modules(dice: &mut Dice) -> (Module, Module) {
    let mut library = ModuleBuilder::new("library");
    for (name, more) in [("pure0", 1), ("pure1", 2)] {
        let mut f = Builder::new(name, 1).pure();
        f.abc(op::ADDI, 0, 0, more);
        f.abc(op::RET, 0, 0, 0);
        let function = library.function(f.finish().expect("it is short"));
        library.export(export(name, ExportKind::Pure, function.expect("two")));
    }
    let library = library.finish();
    let hash = library.name_hash();
    let mut writer = Writer {
        module: ModuleBuilder::new("app"),
        f: Builder::default(),
        dice,
        base: FREE,
        nested: 0,
        in_tx: false,
        program: false,
        helpers: [0; 3],
        codes: ["pure0", "pure1"].map(|name| {
            Val::Code(Arc::new(CodeRef {
                module: hash,
                export: name.into(),
            }))
        }),
    };
    writer.helpers();
    for name in BEHAVIOURS {
        writer.behaviour(name);
    }
    for name in PROGRAMS {
        writer.program(name);
    }
    writer.setup();
    for cap in ["reflect", "scry-meta", "reify-tx", "pure-register"] {
        writer.module.cap(cap);
    }
    (library, writer.module.finish())
}

struct Writer<'a> {
    module: ModuleBuilder,
    f: Builder,
    dice: &'a mut Dice,
    /// The first temporary that is free.
    base: u8,
    nested: u8,
    in_tx: bool,
    program: bool,
    /// A recursive function, one that may raise, and one with a captured value.
    helpers: [u16; 3],
    codes: [Val; 2],
}

impl Writer<'_> {
    fn constant(&mut self, register: u8, value: Val) {
        let index = self.module.constant(value).expect("there are few");
        self.f.abx(op::LOADK, register, index);
    }

    fn finish(&mut self, name: &str, kind: Option<ExportKind>) -> u16 {
        let f = core::mem::take(&mut self.f);
        let function = f.finish().expect("it is short");
        let function = self.module.function(function).expect("there are few");
        if let Some(kind) = kind {
            self.module.export(export(name, kind, function));
        }
        function
    }

    fn helpers(&mut self) {
        // down(n, sum): adds up, in a loop of calls in tail position.
        let index = self.module.declare().expect("the first");
        let mut f = Builder::new("down", 2);
        let more = f.label();
        f.asbx(op::LOADI, 2, 1);
        f.abc(op::LT, 3, 0, 2);
        f.jump(op::JF, 3, more);
        f.abc(op::RET, 1, 0, 0);
        f.bind(more);
        f.abc(op::ADD, 3, 1, 0);
        f.abc(op::ADDI, 2, 0, 0xff);
        f.tailf(2, index, 2);
        self.module.define(index, f.finish().expect("it is short"));
        self.helpers[0] = index;
        // odd(n): raises unless it is.
        let mut f = Builder::new("odd", 1);
        let fine = f.label();
        f.asbx(op::LOADI, 1, 2);
        f.abc(op::MOD, 1, 0, 1);
        f.asbx(op::LOADI, 2, 1);
        f.abc(op::EQ, 1, 1, 2);
        f.jump(op::JT, 1, fine);
        f.abc(op::RAISE, 0, 0, 0);
        f.bind(fine);
        f.abc(op::RET, 0, 0, 0);
        self.f = f;
        self.helpers[1] = self.finish("odd", None);
        let mut f = Builder::new("adder", 1);
        f.captures(1);
        f.abc(op::CAPT, 1, 0, 0);
        f.abc(op::ADD, 0, 0, 1);
        f.abc(op::RET, 0, 0, 0);
        self.f = f;
        self.helpers[2] = self.finish("adder", None);
    }

    /// Takes the input apart; everything has a value afterwards.
    fn prologue(&mut self) {
        let f = &mut self.f;
        for register in [5, 6, 8, 9] {
            f.abc(op::LOADNIL, register, 0, 0);
        }
        f.abc(op::INPUT, 1, 0, 0);
        for (register, at) in [(2, 0), (4, 1), (3, 2), (7, 3)] {
            f.abc(op::FIELD, register, 1, at);
        }
        f.abc(op::MOV, 0, 2, 0);
        (self.base, self.nested, self.in_tx) = (FREE, 0, false);
    }

    fn behaviour(&mut self, name: &str) {
        self.f = Builder::new(name, 0);
        self.program = false;
        self.prologue();
        self.set_state();
        self.block(2, 7);
        self.f.abc(op::REPLY, 2, 0, 0);
        self.f.abc(op::END, 0, 0, 0);
        self.finish(name, Some(ExportKind::Behaviour));
    }

    fn program(&mut self, name: &str) {
        self.f = Builder::new(name, 1);
        self.program = true;
        self.prologue();
        self.block(5, 12);
        self.f.abc(op::LIST, 0, 2, 6);
        self.f.abc(op::RET, 0, 0, 0);
        self.finish(name, Some(ExportKind::Program));
    }

    fn setup(&mut self) {
        self.f = Builder::new(SETUP, 0);
        for at in 0..OBJECTS {
            let name = BEHAVIOURS[usize::from(at) % BEHAVIOURS.len()];
            self.constant(0, Val::str(name));
            let controller = match at {
                0..4 => Val::just(Val::ctl(CONTROLLERS[0])),
                4 => Val::just(Val::ctl(CONTROLLERS[1])),
                _ => Ok(Val::Nothing),
            };
            self.constant(1, controller.expect("a short value"));
            self.f.abc(op::CREATE, 2, 0, 0);
        }
        self.f.abc(op::RET, 2, 0, 0);
        self.finish(SETUP, Some(ExportKind::Program));
    }

    fn block(&mut self, least: u8, most: u8) {
        for _ in 0..least + self.dice.below(most - least + 1) {
            if self.program && self.nested == 0 {
                self.f.abc(op::NOP, 0, 0, 0);
            }
            self.statement();
        }
    }

    fn object(&mut self) -> u8 {
        self.dice.pick(&[4, 4, 7])
    }

    fn statement(&mut self) {
        match self.dice.below(100) {
            0..14 => self.set_state(),
            14..36 => self.call(op::CALL),
            36..42 => self.only_sometimes(Self::send),
            42..45 => self.receive(),
            45..50 => self.create(),
            50..52 => self.only_sometimes(Self::destroy),
            52..56 => self.only_sometimes(|w| {
                let reason = w.dice.pick(&[2, 5]);
                w.f.abc(op::RAISE, reason, 0, 0);
            }),
            56..60 => self.only_sometimes(|w| {
                w.f.abc(op::REJECT, 2, 0, 0);
            }),
            60..66 => self.guard(),
            66..70 => self.function(),
            70..74 => self.look(),
            74..80 => self.place(),
            80..83 => self.functions(),
            83..86 => self.looped(),
            86..97 => self.transaction(),
            _ => {
                let tx = self.dice.pick(&[8, 9, 5]);
                let code = self.dice.pick(&[op::COMMITTX, op::ABORTTX]);
                self.only_sometimes(|w| {
                    w.f.abc(code, 5, tx, 0);
                });
            }
        }
    }

    /// The number decides whether it happens.
    fn only_sometimes(&mut self, write: impl FnOnce(&mut Self)) {
        let (t, over) = (self.base, self.f.label());
        let every = 2 + self.dice.below(4);
        self.f.asbx(op::LOADI, t, every.into());
        self.f.abc(op::MOD, t, 2, t);
        self.f.asbx(op::LOADI, t + 1, self.dice.below(every).into());
        self.f.abc(op::EQ, t, t, t + 1);
        self.f.jump(op::JF, t, over);
        write(self);
        self.f.bind(over);
    }

    fn set_state(&mut self) {
        let t = self.base;
        let (keep, set) = (self.f.label(), self.f.label());
        self.f.abc(op::GETSTATE, t, 0, 0);
        self.f.abc(op::LEN, t + 1, t, 0);
        self.f.asbx(op::LOADI, t + 2, 5);
        self.f.abc(op::LT, t + 1, t + 1, t + 2);
        self.f.jump(op::JT, t + 1, keep);
        self.f.abc(op::CDR, t, t, 0);
        self.f.abc(op::CDR, t, t, 0);
        self.f.jump(op::JMP, 0, set);
        self.f.bind(keep);
        let what = self.dice.pick(&[1, 2, 3, 4]);
        self.f.abc(op::CONS, t, what, t);
        self.f.bind(set);
        self.f.abc(op::SETSTATE, t + 1, t, 0);
        self.f.abc(op::ADDI, 2, 2, 1);
    }

    /// An input for another object from `t` on, with one call less; its register.
    fn input(&mut self, t: u8) -> u8 {
        self.f.abc(op::ADDI, t, 2, 1);
        let first = self.dice.pick(&[4, 7]);
        self.f.abc(op::MOV, t + 1, first, 0);
        self.f.abc(op::ADDI, t + 2, 3, 0xff);
        match self.dice.percent(50) {
            true => self.f.abc(op::SELF, t + 3, 0, 0),
            false => self.f.abc(op::MOV, t + 3, 7, 0),
        };
        self.f.abc(op::LIST, t, t, 4);
        t
    }

    /// Only as long as calls are left.
    fn while_calls_are_left(&mut self, write: impl FnOnce(&mut Self)) {
        let (t, over) = (self.base, self.f.label());
        self.f.asbx(op::LOADI, t, 0);
        self.f.abc(op::LT, t, t, 3);
        self.f.jump(op::JF, t, over);
        write(self);
        self.f.bind(over);
    }

    fn call(&mut self, code: u8) {
        self.while_calls_are_left(|w| {
            let (t, object) = (w.base, w.object());
            w.f.abc(op::MOV, t, object, 0);
            w.input(t + 1);
            w.f.abc(code, 5, t, 0);
        });
    }

    fn send(&mut self) {
        self.while_calls_are_left(|w| {
            let (t, object) = (w.base, w.object());
            w.f.abc(op::MOV, t, object, 0);
            w.input(t + 1);
            w.f.abc(op::SEND, t, t, 0);
        });
    }

    fn receive(&mut self) {
        let t = self.base;
        let wait = match self.dice.percent(25) {
            true => Val::Nothing,
            false => Val::just(Val::int(0)).expect("a short value"),
        };
        self.constant(t, wait);
        self.f.abc(op::RECEIVE, 6, t, 0);
    }

    fn create(&mut self) {
        let t = self.base;
        let name = self.dice.pick(&BEHAVIOURS);
        let name = match self.dice.percent(5) {
            true => format!(
                "{name} is nowhere to be found, whatever the length of its name is, {name:>90}"
            ),
            false => name.to_string(),
        };
        self.constant(t, Val::str(&name));
        let controller = match self.dice.below(4) {
            0 => Ok(Val::Nothing),
            3 => Val::just(Val::ctl(CONTROLLERS[1])),
            _ => Val::just(Val::ctl(CONTROLLERS[0])),
        };
        self.constant(t + 1, controller.expect("a short value"));
        let to = self.dice.pick(&[4, 7]);
        self.f.abc(op::CREATE, to, t, 0);
    }

    fn destroy(&mut self) {
        let object = self.object();
        self.f.abc(op::DESTROY, 5, object, 0);
    }

    fn guard(&mut self) {
        if self.nested >= NESTED {
            return self.set_state();
        }
        let (handler, end) = (self.f.label(), self.f.label());
        let register = self.base;
        self.f.jump(op::GUARD, register, handler);
        self.inside(1, 4);
        self.f.abc(op::UNGUARD, 0, 0, 0);
        self.f.jump(op::JMP, 0, end);
        self.f.bind(handler);
        self.f.abc(op::MOV, 6, register, 0);
        self.f.bind(end);
    }

    /// A block with one register less for temporaries.
    fn inside(&mut self, least: u8, most: u8) {
        self.base += 1;
        self.nested += 1;
        self.block(least, most);
        self.nested -= 1;
        self.base -= 1;
    }

    fn looped(&mut self) {
        if self.nested >= NESTED {
            return self.call(op::CALL);
        }
        let (register, again) = (self.base, self.f.label());
        self.f
            .asbx(op::LOADI, register, (1 + self.dice.below(3)).into());
        self.f.bind(again);
        self.inside(1, 3);
        self.f.abc(op::ADDI, register, register, 0xff);
        self.f.asbx(op::LOADI, register + 1, 0);
        self.f.abc(op::LT, register + 1, register + 1, register);
        self.f.jump(op::JT, register + 1, again);
    }

    fn function(&mut self) {
        let t = self.base;
        let [down, odd, adder] = self.helpers;
        self.f.abc(op::MOV, t, 2, 0);
        match self.dice.below(3) {
            0 => {
                self.f.asbx(op::LOADI, t + 1, 0);
                self.f.callf(t, down, 2);
                self.f.asbx(op::LOADI, t + 1, 17);
                self.f.abc(op::MOD, 2, t, t + 1);
            }
            1 => {
                self.f.callf(t, odd, 1);
            }
            _ => {
                self.f.closure(t, adder, 1);
                self.f.abc(op::MOV, t + 1, 3, 0);
                self.f.abc(op::CALLC, 0, t, 1);
            }
        }
    }

    fn look(&mut self) {
        let (t, object) = (self.base, self.object());
        match self.dice.below(9) {
            0 => self.f.abc(op::HISTORY, 6, 0, 0),
            1 => self.f.abc(op::CURCTL, 6, 0, 0),
            2 => self.f.abc(op::GETCTL, 6, object, 0),
            3 => self.f.abc(op::GETMACHINE, 6, object, 0),
            4 => self.f.abc(op::REIFYCTX, 6, 0, 0),
            5 => self.f.abc(op::REFLECT, 6, object, 0),
            6 => self.f.abc(op::REIFYTX, 6, 0, 0),
            7 => self.f.abc(op::CURHISTORY, 6, 0, 0),
            _ => {
                let query = [(Val::str("max_visits"), Val::int(3))];
                self.constant(t, Val::map(query).expect("a short value"));
                self.f.abc(op::SCRYMETA, 6, t, 0)
            }
        };
    }

    fn place(&mut self) {
        let (t, object) = (self.base, self.object());
        self.f.abc(op::MOV, t, object, 0);
        let machine = Val::mach(self.dice.pick(&MACHINES));
        match self.dice.below(7) {
            0 => {
                self.constant(t, machine);
                self.f.abc(op::TELEPORT, 5, t, 0);
            }
            1 => {
                self.constant(t + 1, machine);
                self.f.abc(op::MOVE, 5, t, 0);
            }
            2 | 3 => {
                let controller = self.dice.pick(&CONTROLLERS);
                self.constant(t + 1, Val::ctl(controller));
                self.f.abc(op::TRANSFER, 5, t, 0);
            }
            4 => {
                self.f.abc(op::FETCH, 5, t, 0);
            }
            5 => {
                self.f.abc(op::FETCH, 5, t, 0);
                self.call(op::CALLLOCAL);
            }
            _ => {
                self.f.abc(op::FREEZE, 5, t, 0);
            }
        }
    }

    fn functions(&mut self) {
        let t = self.base;
        let name = self.dice.pick(&["f", "g"]);
        self.constant(t, Val::str(name));
        match self.dice.below(4) {
            0 => {
                let code = self.codes[usize::from(self.dice.below(2))].clone();
                self.constant(t + 1, code);
                self.f.abc(op::REGPURE, 5, t, 0);
            }
            1 => {
                let code = self.codes[usize::from(self.dice.below(2))].clone();
                self.constant(t + 1, code);
                self.f.abc(op::LOADNIL, t + 2, 0, 0);
                self.f.abc(op::UPDPURE, 5, t, 0);
            }
            _ => {
                self.f.abc(op::LIST, t + 1, 2, 1);
                self.f.abc(op::CALLPURE, 6, t, 0);
            }
        }
    }

    fn transaction(&mut self) {
        // Inside of a behaviour it mostly stands in one already.
        let fits = self.program || self.dice.percent(15);
        if self.nested >= NESTED || !fits || self.in_tx && !self.dice.percent(5) {
            return self.call(op::CALL);
        }
        let (t, tx) = (self.base, self.dice.pick(&[8, 9]));
        let controller = match self.dice.below(5) {
            0 => Val::just(Val::ctl(CONTROLLERS[0])).expect("a short value"),
            _ => Val::Nothing,
        };
        self.constant(t, controller);
        self.f.abc(op::LOADNIL, t + 1, 0, 0);
        self.f.abc(op::BEGINTX, tx, t, 0);
        let outer = core::mem::replace(&mut self.in_tx, true);
        self.inside(1, 6);
        self.in_tx = outer;
        match self.dice.below(20) {
            0..15 => {
                self.f.abc(op::COMMITTX, 5, tx, 0);
            }
            15..19 => {
                self.f.abc(op::ABORTTX, 5, tx, 0);
            }
            _ => {}
        }
    }
}
