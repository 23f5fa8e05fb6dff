//! Running the behaviour vectors of `vectors/anoma`: each scenario in one go, and once more with
//! the machine saved and opened again from its nodes all the time.

mod body;
mod compare;
mod image;
mod instructions;
mod names;
mod scenario;
mod world;

use serde_json::Value;

use self::names::Names;
use self::scenario::{Scenario, array};
use crate::vectors::{Case, Check};

/// Epochs that are tried for ids that come in the order of their names; a page of a search lists
/// objects in the order of their ids. One in n! fits, for n objects.
const EPOCHS: u64 = 2_000;
/// Steps after which a machine is saved and opened again.
const PACES: [u64; 2] = [1, 7];

/// The scenarios of a file.
///
/// # Errors
/// Why it is not a vector file.
pub fn run(document: &Value) -> Result<Vec<Case>, String> {
    let scenarios = array(document, "the file")?;
    if scenarios.is_empty() {
        return Err("it has no scenario".into());
    }
    let cases = scenarios.iter().map(|value| {
        let scenario = Scenario::read(value)?;
        Ok(match instructions::later(&scenario) {
            Some(reason) => Case::skipped(scenario.id.into(), reason),
            None => Case::new(scenario.id.into(), check(&scenario)),
        })
    });
    cases.collect()
}

/// Runs a scenario at each pace.
fn check(scenario: &Scenario<'_>) -> Check {
    let searches = scenario.instructions();
    let searches = searches.iter().any(|name| name.starts_with("scry"));
    for epoch in 0..EPOCHS {
        let Some(names) = settled(scenario, epoch)? else {
            return Err("its names are others in each run".into());
        };
        if !searches || names.in_order() {
            return at_epoch(scenario, &names, epoch);
        }
    }
    Err(format!(
        "in {EPOCHS} epochs ids never come in the order of their names"
    ))
}

/// The ids of the names in a scenario. Programs may name what is created while they run, so the
/// ids of one run go into the next.
fn settled(scenario: &Scenario<'_>, epoch: u64) -> Result<Option<Names>, String> {
    let mut names = Names::default();
    for _ in 0..3 {
        let image = image::image(scenario, &names, epoch)?;
        let found = world::run(scenario, &image, &names, None)?.names;
        if found.agrees(&names) {
            return Ok(Some(names));
        }
        names = found;
    }
    Ok(None)
}

fn at_epoch(scenario: &Scenario<'_>, names: &Names, epoch: u64) -> Check {
    let image = image::image(scenario, names, epoch)?;
    let mut found = world::run(scenario, &image, names, None)?;
    compare::compare(scenario, &mut found)?;
    for pace in PACES {
        let again = |e: String| format!("opened again every {pace} steps: {e}");
        let mut paced = world::run(scenario, &image, names, Some(pace)).map_err(again)?;
        compare::compare(scenario, &mut paced).map_err(again)?;
        if paced.state != found.state {
            let (state, other) = (found.state, paced.state);
            return Err(again(format!("state: expected {state}, found {other}")));
        }
    }
    Ok(())
}
