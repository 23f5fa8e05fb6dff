//! Runs of the Anoma machine: the example programs, generated worlds, and every opcode with
//! operands of many kinds.

use avm_anoma::Anoma;
use avm_anoma::code::table::{CAPS_KNOWN, Form, ROWS, Row, Scope};
use avm_anoma::code::{Builder, Export, ExportKind, Module, ModuleBuilder, op};
use avm_anoma::compile::compile;
use avm_anoma::image::{Caps, Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::sample::sample;
use avm_anoma::value::Val;
use avm_core::Hash;
use avm_testkit::laws::Case;

use super::run::Run;

pub static ANOMA: Anoma = Anoma;

/// The example programs, and arguments of their `main` that are small.
pub const PROGRAMS: &[(&str, &[i64])] = &[
    ("auction", &[]),
    ("bank", &[]),
    ("battleship", &[]),
    ("counter", &[]),
    ("dcounter", &[]),
    ("echo", &[]),
    ("ping-pong", &[5]),
    // What they are about is not supported yet, which is a result as well.
    ("queens", &[4]),
    ("swap", &[]),
];

/// A world with two machines, where programs may do everything.
pub fn world(modules: Vec<Module>) -> Image {
    let config = Config {
        machines: vec![("m1".into(), true), ("m2".into(), true)],
        caps: Caps::ALL,
        ..Config::default()
    };
    Image { modules, config }
}

/// A start of a program.
pub fn start(program: &str, args: &[Val], hold: bool) -> Input {
    Input::Start(Start {
        program: program.into(),
        args: Val::list_of(args).expect("they are few"),
        machine: None,
        caps: Caps::ALL,
        hold,
    })
}

/// The module of a text.
pub fn module(name: &str, text: &str) -> Module {
    match compile(text, 0, &()) {
        Ok(compiled) => compiled.module,
        Err(found) => panic!("{name}: {found:?}"),
    }
}

/// An image and a log, as bytes.
pub fn case(image: &Image, inputs: &[Input]) -> Case {
    Case {
        image: image.to_bytes(),
        inputs: inputs.iter().map(Input::to_bytes).collect(),
    }
}

/// A run of a log, of at most `steps` steps.
pub fn run(image: &Image, inputs: &[Input], steps: usize) -> Run {
    Run::case(&ANOMA, &case(image, inputs), steps)
}

/// The world of `examples/anoma/<name>.avm`.
pub fn example(name: &str) -> Image {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/anoma");
    let path = format!("{folder}/{name}.avm");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    world(vec![module(&path, &text)])
}

/// `main` of `examples/anoma/<name>.avm`, from start to end.
pub fn program(name: &str, args: &[i64]) -> Run {
    let args: Vec<Val> = args.iter().map(|arg| Val::int(*arg)).collect();
    run(&example(name), &[start("main", &args, false)], 10_000)
}

/// A generated world.
pub fn generated(seed: u64, steps: usize) -> Run {
    let world = sample(seed);
    run(&world.image, &world.inputs, steps)
}

/// Operands that some opcode or other takes.
fn operands() -> Vec<[Val; 3]> {
    let list = |items: &[i64]| Val::list(items.iter().map(|n| Val::int(*n))).expect("short");
    let map = || Val::map([(Val::str("k"), list(&[1, 2]))]).expect("short");
    let long = || Val::str("a text that is too long to be kept in the register itself");
    let just = |value| Val::just(value).expect("short");
    let wide = || {
        let magnitude = ruint::aliases::U256::from(1) << 200;
        Val::big(true, magnitude).expect("in the range")
    };
    let many = || list(&(0..40).rev().collect::<Vec<_>>());
    vec![
        [Val::int(7), Val::int(-2), Val::int(1)],
        [wide(), wide(), Val::int(3)],
        [list(&[3, 1, 2]), Val::int(0), Val::int(2)],
        [many(), Val::int(17), Val::int(39)],
        [many(), many(), many()],
        [Val::int(1), many(), Val::Nothing],
        [long(), Val::int(1), Val::int(4)],
        [long(), Val::str("!"), just(Val::int(0))],
        [Val::str("-12"), Val::Nothing, Val::Nothing],
        [map(), Val::str("k"), long()],
        [just(long()), Val::Bool(true), Val::Bool(false)],
        [Val::sym("point"), Val::int(1), long()],
        [
            Val::list([Val::sym("point"), Val::int(4)]).expect("short"),
            Val::int(1),
            Val::int(1),
        ],
        [Val::bytes([1, 2, 3]), Val::bytes([4; 50]), Val::Nothing],
        [
            Val::str("echo"),
            just(Val::ctl("c1")),
            just(Val::hash_value(Hash::ZERO)),
        ],
        [Val::mach("m2"), Val::mach("m1"), Val::mach("m1")],
        [Val::Nothing, Val::Nothing, Val::Nothing],
    ]
}

/// Writes the instruction of a row with operands in registers 0 to 2 and the result in 3. False if
/// it is about other words or other functions.
fn write(f: &mut Builder, row: &Row) -> bool {
    let code = row.info.code;
    match row.form {
        Form::None => f.abc(code, 0, 0, 0),
        Form::Dest => f.abc(code, 3, 0, 0),
        Form::Use => f.abc(code, 0, 0, 0),
        Form::From1 | Form::From2 | Form::From3 => f.abc(code, 3, 0, 0),
        Form::Two => f.abc(code, 3, 0, 1),
        Form::Range => f.abc(code, 3, 0, 3),
        Form::Plus => f.abc(code, 3, 0, 0xfe),
        Form::Type => f.abc(code, 3, 0, 0x04),
        Form::Field => f.abc(code, 3, 0, 1),
        Form::Const => f.abx(code, 3, 0),
        Form::Number => f.asbx(code, 3, -300),
        _ => return false,
    };
    true
}

/// The opcodes that work with what is in registers, each with all [`operands`].
pub fn opcodes() -> Run {
    let mut module = ModuleBuilder::new("opcodes");
    CAPS_KNOWN.iter().for_each(|cap| module.cap(cap));
    let mut inputs = Vec::new();
    for row in ROWS.iter().filter(|row| row.scope != Scope::Reserved) {
        // A handler that is not there is refused before anything runs.
        if row.info.code == op::UNGUARD {
            continue;
        }
        for (at, operands) in operands().into_iter().enumerate() {
            let name = format!("{}-{at}", row.info.name);
            let mut f = Builder::new(&name, 0);
            for (register, operand) in (0..).zip(operands) {
                let constant = module.constant(operand).expect("they are few");
                f.abx(op::LOADK, register, constant);
            }
            f.abc(op::LOADNIL, 3, 0, 0);
            if !write(&mut f, row) {
                break;
            }
            let ends = [op::RET, op::END, op::REJECT, op::RAISE];
            if !ends.contains(&row.info.code) {
                f.abc(op::RET, 3, 0, 0);
            }
            let function = module.function(f.finish().expect("it is short"));
            module.export(Export {
                name: name.clone(),
                kind: ExportKind::Program,
                function: function.expect("they are few").into(),
                fields: Vec::new(),
                deterministic: false,
            });
            inputs.push(start(&name, &[], false));
        }
    }
    let echo = "
(module other (default-controller (ctl \"c1\")) (export echo))
(behaviour echo (state (last nothing)) (on 'last (reply last)) (otherwise (set-state! last (input)) (reply 'ok)))";
    let modules = vec![module.finish(), self::module("other", echo)];
    run(&world(modules), &inputs, 20_000)
}

/// Jumps, calls of functions and closures, and handlers.
pub fn control() -> Run {
    let text = "
(module control (export main odd))
(define (down n sum) (if (< n 1) sum (down (- n 1) (+ sum n))))
(define (odd n) (if (= 0 (modulo n 2)) (raise (list 'even n)) n))
(define (twice f x) (f (f x)))
(define (kind x)
  (match x ('apple 1) (\"pear\" 2) (_ (if (nothing? x) 3 4))))
(program (main)
  (let ((k 5) (later (lambda (f . more) (f more))))
    (list (down 3 0)
          (twice (lambda (x) (+ x k)) 1)
          (later length 1 2 3)
          (if (or (= k 4) (= k 5)) 'some 'none)
          (not (if (and (= k 5) (not (= k 4))) #t #f))
          (map kind (list 'apple \"pear\" nothing #t))
          (guard (e (#t e)) (odd 3))
          (guard (e (#t e)) (odd 4)))))
";
    run(
        &world(vec![module("control", text)]),
        &[start("main", &[], false)],
        2_000,
    )
}
