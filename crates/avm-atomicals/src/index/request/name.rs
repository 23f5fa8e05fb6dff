//! Kinds of names and what they look like. Spec: section 14.2.

/// A kind of names. Names of different kinds never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A protocol: the code of contracts.
    Protocol,
    /// A contract.
    Contract,
    /// A token.
    Ticker,
    /// A realm.
    Realm,
    /// A realm inside of another.
    Subrealm,
    /// A container.
    Container,
    /// An item of a container.
    Item,
}

impl NameKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Protocol,
        Self::Contract,
        Self::Ticker,
        Self::Realm,
        Self::Subrealm,
        Self::Container,
        Self::Item,
    ];

    /// What a name of this kind looks like, for people.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Protocol => "text [a-z][a-z0-9_]{0,11}",
            Self::Contract => "text [a-z][a-z0-9]{0,11}",
            Self::Ticker => "text [a-z0-9]{1,21}",
            Self::Realm => "text [a-z][a-z0-9-]{0,63} without - at the end",
            Self::Subrealm => "text [a-z0-9][a-z0-9-]{0,63} without - at the end",
            Self::Container | Self::Item => "text [a-z0-9][a-z0-9-]{0,63}",
        }
    }

    /// Whether a name looks like that.
    #[must_use]
    pub fn is_valid(self, name: &str) -> bool {
        let (max_len, inside, letter_first) = match self {
            Self::Protocol => (12, Some(b'_'), true),
            Self::Contract => (12, None, true),
            Self::Ticker => (21, None, false),
            Self::Realm => (64, Some(b'-'), true),
            Self::Subrealm | Self::Container | Self::Item => (64, Some(b'-'), false),
        };
        let name = name.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let first = name
            .first()
            .is_some_and(|first| plain(first) && (!letter_first || first.is_ascii_lowercase()));
        let may_end_so = !matches!(self, Self::Realm | Self::Subrealm) || !name.ends_with(b"-");
        first
            && may_end_so
            && name.len() <= max_len
            && name.iter().all(|byte| plain(byte) || Some(*byte) == inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        use NameKind::{Container, Contract, Item, Protocol, Realm, Subrealm, Ticker};
        let twelve = "a".repeat(12);
        let thirteen = "a".repeat(13);
        let twenty_one = "a".repeat(21);
        let twenty_two = "a".repeat(22);
        let sixty_four = "a".repeat(64);
        let sixty_five = "a".repeat(65);
        let realms: &[_] = &[Realm, Subrealm, Container, Item];
        let dashed: &[_] = &[Container, Item];
        let cases: [(&str, &[NameKind]); 17] = [
            ("", &[]),
            ("a", &NameKind::ALL),
            ("7", &[Ticker, Subrealm, Container, Item]),
            ("a7", &NameKind::ALL),
            ("A", &[]),
            ("ä", &[]),
            ("a\n", &[]),
            ("a b", &[]),
            ("a_b", &[Protocol]),
            ("_a", &[]),
            ("a-b", realms),
            ("-a", &[]),
            ("a-", dashed),
            (&twelve, &NameKind::ALL),
            (&thirteen, &[Ticker, Realm, Subrealm, Container, Item]),
            (&sixty_four, realms),
            (&sixty_five, &[]),
        ];
        for (name, kinds) in cases {
            for kind in NameKind::ALL {
                assert_eq!(
                    kind.is_valid(name),
                    kinds.contains(&kind),
                    "{kind:?} {name}"
                );
            }
        }
        assert!(Ticker.is_valid(&twenty_one) && !Ticker.is_valid(&twenty_two));
        assert!(!Contract.is_valid(&thirteen));
    }
}
