//! Files of modules: round trips, corruption, limits, names.

use avm_anoma::code::table::ROWS;
use avm_anoma::code::word::abc;
use avm_anoma::code::{ExportKind, FILE_MAX, Function, Module, ModuleError as E};
use avm_anoma::value::Val;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{export, function};

/// A module with something in every table.
fn full() -> Module {
    let mut module = Module {
        name: "counter".to_owned(),
        constants: vec![
            Val::Nothing,
            Val::int(-300),
            Val::sym("inc"),
            Val::str("a text that is longer than fourteen bytes"),
            Val::list([Val::int(1), Val::sym("x")]).expect("short"),
        ],
        functions: vec![
            function(0, &[abc(0x05, 0, 0, 0), abc(0x12, 0, 0, 0)]),
            function(2, &[0xffff_ffff, 0, 0x0102_0304]),
            function(0, &[]),
        ],
        exports: vec![
            export("counter", ExportKind::Behaviour, 0),
            export("main", ExportKind::Program, 1),
        ],
        caps: vec!["reflect".to_owned(), "solver".to_owned()],
    };
    module.exports[0].fields = vec!["n".to_owned(), "größe".to_owned()];
    module.exports[0].deterministic = true;
    module.functions[1].rest = true;
    module.functions[1].pure = true;
    module.functions[1].captures = 9;
    module.functions[1].name = "add".to_owned();
    module.functions[1].places = vec![(3, 1), (2, 70_000), (u32::MAX, 0)];
    module
}

/// Offset of the section of places.
fn lines_at(module: &Module) -> usize {
    let mut bare = module.clone();
    bare.functions.iter_mut().for_each(|f| f.places.clear());
    // The section is its number, its length in one byte, and one zero a function.
    bare.to_bytes().len() - 2 - bare.functions.len()
}

#[test]
fn a_file_by_hand() {
    let module = Module {
        name: "m".to_owned(),
        constants: vec![Val::int(5)],
        functions: vec![Function {
            registers: 1,
            places: vec![(1, 3)],
            ..function(0, &[abc(0x12, 0, 0, 0)])
        }],
        exports: vec![export("p", ExportKind::Program, 0)],
        caps: vec![],
    };
    let int = Val::int(5).to_bytes().expect("no part to read");
    let mut want = b"avmbc\0\0\x01".to_vec();
    want.extend([1, 3, 1, b'm', 0]);
    want.extend([2, 2 + int.len() as u8, 1, int.len() as u8]);
    want.extend(&int);
    want.extend([3, 8, 1, 0, 0, 0, 0, 1, 0, 1]);
    want.extend([4, 7, 1, 1, b'p', 2, 0, 0, 0]);
    want.extend([5, 4, 0, 0, 0, 0x12]);
    let named = want.len();
    want.extend([6, 3, 1, 2, 6]);
    assert_eq!(module.to_bytes(), want);
    assert_eq!(Module::from_bytes(&want).expect("well-formed"), module);
    let name = avm_anoma::value::tagged_hash("avm/code", &[&want[..named]]);
    assert_eq!(module.name_hash(), name);
}

#[test]
fn the_name_is_of_everything_but_places() {
    let module = full();
    let name = module.name_hash();
    let mut moved = module.clone();
    moved.functions[1].places = vec![(9, 9); 3];
    assert_eq!(moved.name_hash(), name);
    moved.functions[1].places.clear();
    assert_eq!(moved.name_hash(), name);
    type Change = fn(&mut Module);
    let changes: [Change; 9] = [
        |m| m.name.push('x'),
        |m| m.constants[1] = Val::int(-301),
        |m| m.functions[1].words[2] ^= 1,
        |m| m.functions[1].name.clear(),
        |m| m.functions[0].registers += 1,
        |m| m.functions[1].pure = false,
        |m| m.exports[0].deterministic = false,
        |m| m.exports[0].fields[0].push('x'),
        |m| m.caps.clear(),
    ];
    let mut names: Vec<_> = changes
        .iter()
        .map(|change| {
            let mut changed = module.clone();
            change(&mut changed);
            changed.name_hash()
        })
        .collect();
    names.push(name);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), changes.len() + 1);
}

#[test]
fn every_broken_bit_is_refused_or_is_another_module() {
    let module = full();
    let file = module.to_bytes();
    let places = lines_at(&module);
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut broken = file.clone();
            broken[at] ^= 1 << bit;
            if let Ok(other) = Module::from_bytes(&broken) {
                assert_ne!(other, module, "byte {at}, bit {bit}");
                assert_eq!(other.to_bytes(), broken, "byte {at}, bit {bit}");
                let same_name = other.name_hash() == module.name_hash();
                assert_eq!(same_name, at >= places, "byte {at}, bit {bit}");
            }
        }
    }
    for end in 0..file.len() {
        assert!(Module::from_bytes(&file[..end]).is_err(), "cut at {end}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(matches!(
        Module::from_bytes(&longer),
        Err(E::Left {
            what: "the last section",
            left: 1
        })
    ));
}

/// A file of sections as given.
fn sections(contents: [&[u8]; 6]) -> Vec<u8> {
    let mut file = b"avmbc\0\0\x01".to_vec();
    for (number, content) in (1..).zip(contents) {
        file.push(number);
        file.push(u8::try_from(content.len()).expect("short"));
        file.extend(content);
    }
    file
}

#[test]
fn what_is_refused() {
    let none: [&[u8]; 6] = [&[0, 0], &[0], &[0], &[0], &[], &[]];
    let with = |number: usize, content: &'static [u8]| {
        let mut contents = none;
        contents[number - 1] = content;
        sections(contents)
    };
    // A function of one word.
    let one: &[u8] = &[1, 0, 0, 0, 0, 1, 0, 1];
    let words = |content: &'static [u8], lines: &'static [u8]| {
        sections([&[0, 0], &[0], one, &[0], content, lines])
    };
    let many: &[u8] = &[0x80, 0x80, 4];
    assert!(Module::from_bytes(&sections(none)).is_ok());
    assert!(Module::from_bytes(&words(&[0; 4], &[0])).is_ok());
    let mut other = sections(none);
    other[7] = 2;
    #[rustfmt::skip]
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![0; FILE_MAX + 1], "a file of 1048577 bytes, at most 1048576"),
        (b"avmbd\0\0\x01".to_vec(), "the file does not start with `avmbc` and a zero byte"),
        (vec![], "the file's start at byte 0 takes 6 bytes, 0 are left"),
        (other, "version 2 of the format, expected 1"),
        (b"avmbc\0\0\x01\x02".to_vec(), "section 2 at byte 8, expected 1"),
        (with(1, &[0, 0, 0]), "1 bytes are left after head"),
        (with(1, &[65]), "65 bytes of a name, at most 64"),
        (with(1, &[1, 0xff, 0]), "the module's name at byte 11 is no UTF-8"),
        (with(1, &[0, 0x80, 0]), "capabilities at byte 11 is no minimal LEB128"),
        (with(1, &[0, 1]), "a capability at byte 12 takes 1 bytes, 0 are left"),
        (with(2, many), "65536 constants, at most 65535"),
        (with(3, many), "65536 functions, at most 65535"),
        (with(4, many), "65536 exports, at most 65535"),
        (with(3, &[1, 0, 0, 0, 0, 1, 0, 0x80, 0x80, 4]), "65536 words of a function, at most 65535"),
        (with(3, &[1, 0, 0, 4, 0, 1, 0, 1]), "flags 04 of a function"),
        (with(4, &[1, 0, 5, 0, 0, 0]), "export kind 5, the last is 4"),
        (with(4, &[1, 0, 0, 2, 0, 0]), "flags 02 of an export"),
        (with(2, &[1, 0]), "constant 0"),
        (with(2, &[1, 1, 0x20]), "constant 0"),
        (with(2, &[1, 2, 0, 0]), "constant 0"),
        (with(2, &[1, 9, 0]), "a constant at byte 16 takes 9 bytes, 1 are left"),
        (words(&[0; 3], &[0]), "the words of a function at byte 30 takes 4 bytes, 3 are left"),
        (words(&[0; 5], &[0]), "1 bytes are left after words"),
        (words(&[0; 4], &[2]), "function 0 has 2 places for 1 words"),
        (words(&[0; 4], &[1, 1, 0]), "a place of function 0 is -1, a line or column has 32 bits"),
        (words(&[0; 4], &[1, 0x80, 0x80, 0x80, 0x80, 0x20, 0]), "a place of function 0 is 4294967296, a line or column has 32 bits"),
        (words(&[0; 4], &[0, 0]), "1 bytes are left after lines"),
    ];
    for (file, want) in cases {
        let error = Module::from_bytes(&file).expect_err(want);
        assert_eq!(error.to_string(), want);
    }
}

fn any_value() -> impl Strategy<Value = Val> {
    let flat = prop_oneof![
        Just(Val::Nothing),
        any::<i64>().prop_map(Val::int),
        any::<bool>().prop_map(Val::from),
        ".{0,20}".prop_map(|text| Val::str(&text)),
        "[a-z]{0,20}".prop_map(|text| Val::sym(&text)),
    ];
    flat.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(|items| Val::list(items).expect("short")),
            inner.prop_map(|value| Val::just(value).expect("shallow")),
        ]
    })
}

fn any_function() -> impl Strategy<Value = Function> {
    let known = proptest::sample::select(ROWS).prop_map(|row| abc(row.code, 1, 2, 3));
    let words = vec(
        (prop_oneof![known, any::<u32>()], any::<(u32, u32)>()),
        0..20,
    );
    let numbers = any::<(u8, bool, u16, u8, bool, bool)>();
    (".{0,16}", numbers, words).prop_map(|(name, numbers, words)| {
        let (arity, rest, registers, captures, pure, placed) = numbers;
        let (words, places): (Vec<_>, Vec<_>) = words.into_iter().unzip();
        Function {
            name,
            arity,
            rest,
            registers,
            captures,
            pure,
            words,
            places: if placed { places } else { vec![] },
        }
    })
}

pub(crate) fn any_module() -> impl Strategy<Value = Module> {
    let kinds = [
        ExportKind::Behaviour,
        ExportKind::Pure,
        ExportKind::Program,
        ExportKind::Intent,
        ExportKind::Test,
    ];
    let kind = proptest::sample::select(kinds.to_vec());
    let exports = (
        ".{0,16}",
        kind,
        0u32..=65_535,
        vec(".{0,16}", 0..4),
        any::<bool>(),
    )
        .prop_map(
            |(name, kind, function, fields, deterministic)| avm_anoma::code::Export {
                name,
                kind,
                function,
                fields,
                deterministic,
            },
        );
    let tables = (
        vec(any_value(), 0..6),
        vec(any_function(), 0..5),
        vec(exports, 0..4),
    );
    (".{0,16}", tables, vec("[a-z-]{0,9}", 0..4)).prop_map(
        |(name, (constants, functions, exports), caps)| Module {
            name,
            constants,
            functions,
            exports,
            caps,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read(module in any_module()) {
        let file = module.to_bytes();
        let read = Module::from_bytes(&file);
        prop_assert!(read.is_ok(), "{:?}", read);
        let read = read.expect("it is");
        prop_assert_eq!(&read, &module);
        prop_assert_eq!(read.name_hash(), module.name_hash());
    }

    #[test]
    fn random_bytes_are_no_module_or_one(
        module in any_module(),
        cuts in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut file = module.to_bytes();
        for (at, byte) in cuts {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Ok(read) = Module::from_bytes(&file) {
            prop_assert_eq!(read.to_bytes(), file);
            let _ = avm_anoma::code::verify(&read);
            let _ = avm_anoma::code::listing(&read);
        }
    }
}
