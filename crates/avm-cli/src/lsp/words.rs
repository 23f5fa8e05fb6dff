//! Words that mean something at the top of a module and inside of definitions. The compiler takes
//! them by their place and has no definition for them, so editors learn about them here.

/// Words and how they are used, ordered by word.
pub const STRUCTURE: &[(&str, &str)] = &[
    (
        "behavior",
        "(behavior name [#:deterministic] clause ...) the same as behaviour",
    ),
    (
        "behaviour",
        "(behaviour name [#:deterministic] (state (field default) ...) clause ...) what an object does with its inputs",
    ),
    (
        "caps",
        "(caps cap ...) capabilities that the module makes use of",
    ),
    (
        "default-controller",
        "(default-controller e) the controller of new objects that name none",
    ),
    (
        "define",
        "(define id e) a constant, (define (id arg ... [. rest]) body ...) a function",
    ),
    (
        "define-record",
        "(define-record id (field ...)) a record: a function that makes it, a pattern, and its fields",
    ),
    ("else", "(else body ...) the last clause: if no other fits"),
    (
        "export",
        "(export id ...) what others can import; everything without this clause",
    ),
    (
        "import",
        "(import name [(only id ...)] [(prefix id)] [#:hash \"hex\"]) what another module exports",
    ),
    (
        "intent",
        "(intent (name arg ...) body ...) a program that waits for others",
    ),
    (
        "module",
        "(module name clause ...) begins a module: import, export, caps, default-controller, profile",
    ),
    (
        "on",
        "(on pattern [#:when e] body ...) what a behaviour does with an input that fits",
    ),
    ("only", "(only id ...) imports these names"),
    (
        "otherwise",
        "(otherwise body ...) what a behaviour does with any other input",
    ),
    ("prefix", "(prefix id) puts this before imported names"),
    (
        "profile",
        "(profile avm) or (profile formal) the rules that the module is written for",
    ),
    (
        "program",
        "(program (name arg ...) body ...) runs on its own, with arguments",
    ),
    (
        "pure",
        "(pure (name arg ...) body ...) a function that depends on its arguments alone",
    ),
    (
        "state",
        "(state (field default) ...) what an object of the behaviour remembers",
    ),
    (
        "test",
        "(test \"name\" e => expected) what `avm anoma test` checks",
    ),
];

/// How a word is used, if it is one of these.
#[must_use]
pub fn structure(word: &str) -> Option<&'static str> {
    let at = STRUCTURE
        .binary_search_by_key(&word, |(word, _)| word)
        .ok()?;
    Some(STRUCTURE[at].1)
}

#[cfg(test)]
mod tests {
    use avm_lang::compile::{ModuleText, Modules, compile};

    use super::*;

    struct One;

    impl Modules for One {
        fn module(&self, name: &str) -> Option<ModuleText<'_>> {
            let text = "(module other) (define (f) 1) (define (g) 2)";
            (name == "other").then_some(ModuleText { file: 1, text })
        }
    }

    /// The compiler takes each word where its page says, and takes no other in its place.
    #[test]
    fn the_compiler_knows_the_words() {
        let samples = [
            ("behavior", "(module a) (behavior b (on 'x (reply 1)))"),
            ("behaviour", "(module a) (behaviour b (on 'x (reply 1)))"),
            ("caps", "(module a (caps solver))"),
            (
                "default-controller",
                "(module a (default-controller (ctl \"c\")))",
            ),
            ("define", "(module a) (define (f) 1)"),
            ("define-record", "(module a) (define-record r (x y))"),
            ("else", "(module a) (define (f x) (cond (x 1) (else 2)))"),
            ("export", "(module a (export f)) (define (f) 1)"),
            ("import", "(module a (import other)) (define (h) (f))"),
            ("intent", "(module a) (intent (i) 1)"),
            ("module", "(module a)"),
            ("on", "(module a) (behaviour b (on 'x (reply 1)))"),
            (
                "only",
                "(module a (import other (only f))) (define (h) (f))",
            ),
            (
                "otherwise",
                "(module a) (behaviour b (otherwise (reply 1)))",
            ),
            (
                "prefix",
                "(module a (import other (prefix o-))) (define (h) (o-f))",
            ),
            ("profile", "(module a (profile avm))"),
            ("program", "(module a) (program (p) 1)"),
            ("pure", "(module a) (pure (p x) x)"),
            (
                "state",
                "(module a) (behaviour b (state (n 0)) (on 'x (reply n)))",
            ),
            ("test", "(module a) (test \"t\" 1 => 1)"),
        ];
        let dialect = avm_anoma::compile::dialect();
        let errors = |text: &str| {
            let mut found = compile(text, 0, &dialect, &One).diagnostics;
            found.retain(|found| found.is_error());
            found
        };
        assert_eq!(
            samples.map(|(word, _)| word).as_slice(),
            STRUCTURE.iter().map(|(word, _)| *word).collect::<Vec<_>>()
        );
        for (word, text) in samples {
            assert_eq!(errors(text), [], "{text}");
            // Clauses with an unknown word are entries for the machine.
            if !matches!(word, "default-controller" | "profile" | "caps" | "export") {
                let other = text.replacen(&format!("({word} "), "(xyzzy ", 1);
                assert_ne!(errors(&other), [], "{other}");
            }
        }
    }
}
