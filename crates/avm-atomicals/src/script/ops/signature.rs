//! Signatures over data and over the call. Spec: section 8.

use super::{Done, digest as digest_ops};
use crate::script::auth;
use crate::script::call::Call;
use crate::script::digest;
use crate::script::error::ScriptError as E;
use crate::script::fault::Trap;
use crate::script::frame::Frame;
use crate::script::item::Item;
use crate::script::sig;

/// What checking a signature costs beyond the base.
pub(super) const CHECK_COST: u64 = 8_000;

/// What looking at an output for the signature of the caller costs, and taking it into the message.
const OUTPUT_COST: u64 = 4;

/// Takes signature, message and key; whether the signature is good.
fn data_signature(f: &mut Frame) -> Result<bool, Trap> {
    sig::check_signature(f.main.peek(2).bytes())?;
    sig::check_public_key(f.main.peek(0).bytes())?;
    let good = !f.main.peek(2).is_empty();
    if good {
        digest_ops::charge(f, f.main.peek(1).len())?;
        f.charge(CHECK_COST)?;
        let (signature, message, key) = (f.main.peek(2), f.main.peek(1), f.main.peek(0));
        let digest = digest::sha256(message.bytes());
        if !sig::verify(signature.bytes(), &digest, key.bytes()) {
            return Err(E::SigNullfail.into());
        }
    }
    f.main.drop(3);
    Ok(good)
}

pub(crate) fn check_data(f: &mut Frame) -> Done {
    let good = data_signature(f)?;
    f.push_bool(good);
    Ok(())
}

pub(crate) fn check_data_verify(f: &mut Frame) -> Done {
    if data_signature(f)? {
        Ok(())
    } else {
        Err(E::Checkdatasigverify.into())
    }
}

/// The public key of who signed the call; `None` if there is neither key nor signature.
fn caller(f: &mut Frame, c: &mut Call) -> Result<Option<Item>, Trap> {
    let rules = c.rules;
    let context = c.context()?;
    f.charge(OUTPUT_COST * u64::from(context.tx.output_count()?))?;
    let signature = auth::signature(&context.tx)?;
    let key = &context.auth_key;
    let signature = match (signature, key.is_empty()) {
        (None, true) => return Ok(None),
        (Some(signature), false) => signature,
        _ => return Err(E::InvalidAvmCheckauthsig.into()),
    };
    let encoded = sig::check_signature(&signature).and_then(|()| sig::check_public_key(key));
    encoded.map_err(|_| E::InvalidAvmCheckauthsig)?;
    f.charge(CHECK_COST + OUTPUT_COST * u64::from(context.tx.output_count()?))?;
    let outputs = auth::outputs_bytes(&context.tx)?;
    digest_ops::charge(f, context.unlock.len() + context.lock.len() + outputs)?;
    let digest = auth::digest(rules, context)?;
    if signature.is_empty() || !sig::verify(&signature, &digest, key) {
        return Err(E::InvalidAvmCheckauthsignull.into());
    }
    Ok(Some(Item::new(key)))
}

pub(crate) fn check_auth(f: &mut Frame, c: &mut Call) -> Done {
    let key = caller(f, c)?;
    f.main.push(key.unwrap_or(Item::EMPTY));
    Ok(())
}

pub(crate) fn check_auth_verify(f: &mut Frame, c: &mut Call) -> Done {
    let key = caller(f, c)?;
    f.main.push(key.ok_or(E::InvalidAvmCheckauthsigverify)?);
    Ok(())
}
