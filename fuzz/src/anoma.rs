//! What the fuzz targets of the Anoma machine check. Each takes any bytes and panics if a promise
//! does not hold. `crates/avm-anoma/tests/regressions.rs` includes this file and calls the same
//! functions with every file of `fuzz/regressions`.

use std::collections::VecDeque;

use avm_anoma::code::{Module, listing, verify};
use avm_anoma::image::{Image, Limits};
use avm_anoma::input::Input;
use avm_anoma::sample::sample;
use avm_anoma::{Anoma, AnomaMachine};
use avm_core::{Bytes, Hash, Host, HostError, Machine, Output};

/// A file that is read is written as it was, keeps its name without places, and has a verdict and
/// a listing.
pub fn module(file: &[u8]) {
    let Ok(mut module) = Module::from_bytes(file) else {
        return;
    };
    assert!(module.to_bytes() == file);
    let verdict = verify(&module);
    let text = listing(&module);
    let words: usize = module
        .functions
        .iter()
        .map(|function| function.words.len())
        .sum();
    assert!(text.lines().count() >= words);

    let name = module.name_hash();
    module
        .functions
        .iter_mut()
        .for_each(|function| function.places.clear());
    assert!(module.name_hash() == name);
    assert!(verify(&module) == verdict);
    let again = Module::from_bytes(&module.to_bytes()).expect("a shorter file");
    assert!(again == module);
}

/// A log that is there from the start; what comes out is counted by its names.
struct Log(VecDeque<Bytes>, Vec<Hash>);

impl Host for Log {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.0.pop_front())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        self.1.push(output.hash);
        Ok(())
    }
}

/// Steps of one run; programs that keep sending messages to themselves never stop.
const STEPS: u64 = 300_000;

/// A random world with bytes of its image and its inputs changed, and inputs of any bytes added:
/// it is refused, or it runs without a panic and means the same in pieces.
///
/// Eight bytes are the seed of the world. Then come, each after a byte that says what: changes of
/// the image (0 to 63) or of an input (64 to 127), by place and new byte; or an input (128 to 255)
/// of so many bytes less 128.
pub fn inputs(bytes: &[u8]) {
    let Some((seed, mut rest)) = bytes.split_first_chunk() else {
        return;
    };
    let sample = sample(u64::from_be_bytes(*seed));
    let mut image = sample.image.to_bytes();
    let mut log: Vec<_> = sample.inputs.iter().map(Input::to_bytes).collect();
    while let [what, more @ ..] = rest {
        let change = |bytes: &mut [u8], at: usize, byte: u8| {
            let at = at % bytes.len().max(1);
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
        };
        match (what, more) {
            (0..64, [at0, at1, byte, more @ ..]) => {
                change(
                    &mut image,
                    usize::from(u16::from_be_bytes([*at0, *at1])),
                    *byte,
                );
                rest = more;
            }
            (64..128, [at, byte, more @ ..]) => {
                let which = usize::from(what - 64) % log.len();
                change(&mut log[which], (*at).into(), *byte);
                rest = more;
            }
            (128.., more) => {
                let (input, more) = more.split_at(more.len().min(usize::from(what - 128)));
                log.push(input.to_vec());
                rest = more;
            }
            _ => break,
        }
    }
    let Ok(mut image) = Image::from_bytes(&image) else {
        return;
    };
    assert!(Image::from_bytes(&image.to_bytes()).is_ok_and(|again| again == image));
    let limits = image.config.limits;
    image.config.limits = Limits {
        call_depth: limits.call_depth.min(1_000),
        gas: limits.gas.min(100_000),
        overlay_objects: limits.overlay_objects.min(1_000),
        journal: limits.journal.min(2_000),
        mailbox: limits.mailbox.min(1_000),
        executions: limits.executions.min(100),
    };
    let Ok(machine) = Anoma.start(&image) else {
        return;
    };
    let whole = run(machine.clone(), &log, STEPS);
    assert!(run(machine, &log, u64::from(bytes.len() as u8) + 7) == whole);
}

/// The state after so many steps, taken in pieces, with the names of what came out.
fn run(mut machine: AnomaMachine, log: &[Vec<u8>], piece: u64) -> (Hash, u64, Vec<Hash>) {
    let mut host = Log(
        log.iter().map(|input| input.clone().into()).collect(),
        Vec::new(),
    );
    let mut steps = 0;
    while steps < STEPS {
        let budget = piece.min(STEPS - steps);
        let ran = machine.run(budget, &mut host).expect("all is in memory");
        steps += ran.steps;
        if ran.stop != avm_core::Stop::Budget {
            break;
        }
    }
    (machine.state_hash(), steps, host.1)
}
