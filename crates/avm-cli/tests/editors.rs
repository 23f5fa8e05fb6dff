//! The grammar for editors colours the words that the language and the machine have, and no others.

use std::collections::BTreeSet;

use avm_cli::lsp::words::STRUCTURE;
use avm_lang::dialect::Effect;
use avm_lang::names::NameKind;

const QUERY: &str = include_str!("../../../editors/tree-sitter-avm/queries/highlights.scm");

/// The words in the query behind a line that begins with this comment.
fn listed(comment: &str) -> BTreeSet<&str> {
    let (_, behind) = QUERY.split_once(&format!("; {comment}\n")).unwrap();
    let (_, list) = behind.split_once("#any-of?").unwrap();
    let (list, _) = list.split_once("))").unwrap();
    let words: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let set = words.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(set.len(), words.len(), "{comment}: a word twice");
    set
}

#[test]
fn the_words_are_those_of_the_language() {
    let dialect = avm_anoma::compile::dialect();
    let names = avm_lang::compile("(module a)", 0, &dialect, &()).names;
    let of = |kind: NameKind| {
        let definitions = names.definitions.iter().filter(move |d| d.kind == kind);
        definitions
            .map(|d| d.name.as_str())
            .collect::<BTreeSet<_>>()
    };
    let mut words = of(NameKind::Word);
    assert!(words.remove("nothing"));
    let effects = dialect
        .forms
        .iter()
        .filter(|form| form.effect == Effect::Some);
    let mut forms: BTreeSet<&str> = effects.map(|form| form.name).collect();
    forms.extend(of(NameKind::Rule));
    forms.retain(|form| !words.contains(form));
    let structure: BTreeSet<&str> = STRUCTURE.iter().map(|(word, _)| *word).collect();
    assert_eq!(listed("language: modules and definitions"), structure);
    assert_eq!(listed("language: expressions"), words);
    assert_eq!(listed("machine: forms that do something"), forms);
    assert_eq!(listed("language: constants"), BTreeSet::from(["nothing"]));
}
