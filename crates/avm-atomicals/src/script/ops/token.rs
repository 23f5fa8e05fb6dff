//! Token tables: what the contract has, what comes in, what is paid out. Spec: section 7.8.

use alloc::sync::Arc;

use super::Done;
use crate::script::call::{Call, Token, amount, reference, token};
use crate::script::error::ScriptError as E;
use crate::script::fault::Trap;
use crate::script::frame::Frame;
use crate::script::item::Item;
use crate::script::num::Num;
use crate::script::table::{Table, withdrawal};

/// What looking at a token table costs beyond the base.
pub(super) const LOOK_COST: u64 = 20;
/// What a level of a tree costs that is looked through.
const LOOK_LEVEL_COST: u64 = 3;
/// What paying or taking a fungible token costs beyond the base: the entry is in three tables, and
/// each of them is hashed in the end.
pub(super) const FT_WRITE_COST: u64 = 600;
/// What paying or taking a non-fungible token costs beyond the base.
pub(super) const NFT_WRITE_COST: u64 = 400;
/// What a level of a tree costs that is written.
const WRITE_LEVEL_COST: u64 = 10;
/// Amounts and values of outputs as the reference reads them end here.
const CLAMP: u64 = i32::MAX as u64;

/// The token that element `at` from the top refers to.
fn token_at(f: &Frame, at: usize) -> Result<Token, E> {
    let bytes: &[u8; 36] = f
        .main
        .peek(at)
        .bytes()
        .try_into()
        .map_err(|_| E::InvalidAtomicalRefSize)?;
    Ok(token(bytes))
}

/// Whether element `at` from the top selects the incoming table rather than the contract's own.
fn incoming(f: &Frame, at: usize, error: E) -> Result<bool, Trap> {
    match f.small(at)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(error.into()),
    }
}

/// The table of fungible tokens that element `at` from the top selects.
fn ft<'a>(f: &Frame, c: &'a mut Call, at: usize, error: E) -> Result<&'a Table, Trap> {
    Ok(match incoming(f, at, error)? {
        false => &c.effects()?.ft,
        true => &c.context()?.ft_incoming,
    })
}

/// The table of non-fungible tokens that element `at` from the top selects.
fn nft<'a>(f: &Frame, c: &'a mut Call, at: usize, error: E) -> Result<&'a Table, Trap> {
    Ok(match incoming(f, at, error)? {
        false => &c.effects()?.nft,
        true => &c.context()?.nft_incoming,
    })
}

/// Charges for the levels of a table that are looked through on the way to a token.
fn charge_levels(f: &mut Frame, table: &Table, key: &[u8], cost: u64) -> Result<(), Trap> {
    let levels = table.levels(key)?;
    Ok(f.charge(cost * u64::from(levels))?)
}

pub(crate) fn ft_count(f: &mut Frame, c: &mut Call) -> Done {
    let count = ft(f, c, 0, E::InvalidAvmFtCountType)?.len()?;
    f.main.set_top(Item::int(count as i64));
    Ok(())
}

pub(crate) fn nft_count(f: &mut Frame, c: &mut Call) -> Done {
    let count = nft(f, c, 0, E::InvalidAvmNftCountType)?.len()?;
    f.main.set_top(Item::int(count as i64));
    Ok(())
}

pub(crate) fn ft_balance(f: &mut Frame, c: &mut Call) -> Done {
    f.charge(LOOK_COST)?;
    let token = token_at(f, 1)?;
    let bounded = c.rules.balances_bounded;
    let table = ft(f, c, 0, E::InvalidAvmFtBalanceType)?;
    charge_levels(f, table, &token, LOOK_LEVEL_COST)?;
    let balance = table.get(&token)?.map_or(0, |value| amount(value));
    f.main.drop(2);
    if bounded {
        return f.push_num(&Num::from(balance));
    }
    // Q13: the reference reads it as signed, which matters from 2^63 on.
    f.push_int(balance as i64);
    Ok(())
}

pub(crate) fn nft_exists(f: &mut Frame, c: &mut Call) -> Done {
    f.charge(LOOK_COST)?;
    let token = token_at(f, 1)?;
    let table = nft(f, c, 0, E::InvalidAvmNftExistsType)?;
    charge_levels(f, table, &token, LOOK_LEVEL_COST)?;
    let exists = table.contains(&token)?;
    f.main.drop(2);
    f.push_bool(exists);
    Ok(())
}

/// Number of a token in its table.
fn index(f: &mut Frame, bad_index: E) -> Result<u64, Trap> {
    f.charge(LOOK_COST)?;
    Ok(u64::try_from(f.small(1)?).map_err(|_| bad_index)?)
}

/// Replaces number and table selector by a token.
fn replace(f: &mut Frame, key: &[u8]) {
    let reference = Item::new(&reference(key));
    f.main.drop(1);
    f.main.set_top(reference);
}

pub(crate) fn ft_item(f: &mut Frame, c: &mut Call) -> Done {
    let bad_index = E::InvalidAvmInvalidFtItemIndex;
    let index = index(f, bad_index)?;
    let table = ft(f, c, 0, E::InvalidAvmFtItemType)?;
    let (key, _) = table.nth(index)?.ok_or(bad_index)?;
    charge_levels(f, table, key, LOOK_LEVEL_COST)?;
    replace(f, key);
    Ok(())
}

pub(crate) fn nft_item(f: &mut Frame, c: &mut Call) -> Done {
    let bad_index = E::InvalidAvmInvalidNftItemIndex;
    let index = index(f, bad_index)?;
    let table = nft(f, c, 0, E::InvalidAvmNftItemType)?;
    let (key, _) = table.nth(index)?.ok_or(bad_index)?;
    charge_levels(f, table, key, LOOK_LEVEL_COST)?;
    replace(f, key);
    Ok(())
}

pub(crate) fn ft_balance_add(f: &mut Frame, c: &mut Call) -> Done {
    f.charge(FT_WRITE_COST)?;
    let token = token_at(f, 0)?;
    let invalid = E::InvalidAvmFtBalanceAddInvalid;
    let rules = c.rules;
    let (context, e) = c.both()?;
    let incoming = context.ft_incoming.get(&token)?.ok_or(invalid)?;
    if e.ft_adds.contains(&token)? {
        return Err(invalid.into());
    }
    charge_levels(f, &e.ft, &token, WRITE_LEVEL_COST)?;
    charge_levels(f, &e.ft_updates, &token, WRITE_LEVEL_COST)?;
    let own = e.ft.get(&token)?.map_or(0, |value| amount(value));
    let (sum, over) = own.overflowing_add(amount(incoming));
    if rules.balances_bounded && (over || sum > i64::MAX as u64) {
        return Err(invalid.into());
    }
    e.ft.insert(&token, Arc::from(&sum.to_be_bytes()[..]))?;
    e.ft_updates
        .insert(&token, Arc::from(&sum.to_be_bytes()[..]))?;
    e.ft_adds.insert(&token, Arc::default())?;
    f.main.drop(1);
    Ok(())
}

pub(crate) fn nft_put(f: &mut Frame, c: &mut Call) -> Done {
    f.charge(NFT_WRITE_COST)?;
    let token = token_at(f, 0)?;
    let (context, e) = c.both()?;
    charge_levels(f, &e.nft, &token, WRITE_LEVEL_COST)?;
    charge_levels(f, &e.nft_updates, &token, WRITE_LEVEL_COST)?;
    if !context.nft_incoming.contains(&token)? || e.nft_puts.contains(&token)? {
        return Err(E::InvalidAvmNftPutInvalid.into());
    }
    e.nft.insert(&token, Arc::default())?;
    e.nft_updates.insert(&token, Arc::from(&[1][..]))?;
    e.nft_puts.insert(&token, Arc::default())?;
    f.main.drop(1);
    Ok(())
}

/// The output that element `at` from the top names.
fn output(f: &Frame, c: &mut Call, at: usize, bad: E) -> Result<u32, Trap> {
    let index = f.small(at)?;
    let index = u32::try_from(index).map_err(|_| bad)?;
    if index >= c.context()?.tx.output_count()? {
        return Err(bad.into());
    }
    Ok(index)
}

pub(crate) fn ft_withdraw(f: &mut Frame, c: &mut Call) -> Done {
    f.charge(FT_WRITE_COST)?;
    let token = token_at(f, 0)?;
    let index = output(f, c, 1, E::InvalidAvmWithdrawFtOutputIndex)?;
    let value = c.context()?.tx.output_value(index)?;
    let bad_amount = E::InvalidAvmWithdrawFtAmount;
    let wanted = withdrawn(&f.num(2)?, c.rules.full_amounts).ok_or(bad_amount)?;
    let most = if c.rules.full_amounts {
        value
    } else {
        value.min(CLAMP as i64)
    };
    if i64::try_from(wanted).map_or(true, |wanted| wanted > most) {
        return Err(bad_amount.into());
    }
    let key = withdrawal(&token, index);
    let withdrawals_add = c.rules.withdrawals_add;
    let e = c.effects()?;
    charge_levels(f, &e.ft, &token, WRITE_LEVEL_COST)?;
    charge_levels(f, &e.ft_withdraws, &key, WRITE_LEVEL_COST)?;
    let before = e.ft_withdraws.get(&key)?.map(|value| amount(value));
    let paid = match before {
        Some(before) if withdrawals_add => {
            let sum = before + wanted;
            if i64::try_from(sum).map_or(true, |sum| sum > most) {
                return Err(bad_amount.into());
            }
            sum
        }
        // Q8: the earlier amount stays.
        Some(before) => before,
        None => wanted,
    };
    let balance = e.ft.get(&token)?.map_or(0, |value| amount(value));
    let left = balance.checked_sub(wanted).ok_or(E::InvalidAvmWithdrawFt)?;
    if left == 0 {
        e.ft.remove(&token)?;
    } else {
        e.ft.insert(&token, Arc::from(&left.to_be_bytes()[..]))?;
    }
    e.ft_updates
        .insert(&token, Arc::from(&left.to_be_bytes()[..]))?;
    e.ft_withdraws
        .insert(&key, Arc::from(&paid.to_be_bytes()[..]))?;
    f.main.drop(3);
    Ok(())
}

/// A positive amount, clamped to 2^31 - 1 unless `full`.
fn withdrawn(number: &Num, full: bool) -> Option<u64> {
    let amount = if full {
        number.to_i64()?
    } else {
        i64::from(number.saturating_i32())
    };
    u64::try_from(amount).ok().filter(|amount| *amount > 0)
}

pub(crate) fn nft_withdraw(f: &mut Frame, c: &mut Call) -> Done {
    f.charge(NFT_WRITE_COST)?;
    if !c.rules.nft_withdraw && f.main.peek(1).len() != 36 {
        // Q7: the reference checks the size of the wrong operand, and no number of 36 bytes is
        // the number of an output.
        return Err(E::InvalidAtomicalRefSize.into());
    }
    let token = if c.rules.nft_withdraw {
        Some(token_at(f, 0)?)
    } else {
        None
    };
    let index = output(f, c, 1, E::InvalidAvmWithdrawNftOutputIndex)?;
    let token = token.ok_or(E::InvalidAvmWithdrawNft)?;
    let e = c.effects()?;
    charge_levels(f, &e.nft, &token, WRITE_LEVEL_COST)?;
    charge_levels(f, &e.nft_updates, &token, WRITE_LEVEL_COST)?;
    if !e.nft.remove(&token)? {
        return Err(E::InvalidAvmWithdrawNft.into());
    }
    e.nft_updates.insert(&token, Arc::from(&[0][..]))?;
    e.nft_withdraws
        .insert(&token, Arc::from(&index.to_be_bytes()[..]))?;
    f.main.drop(2);
    Ok(())
}
