/**
 * @file Grammar of avm-scheme for editors.
 * @license MIT OR Apache-2.0
 *
 * It knows the text and not the forms: a program is a tree of data, as for the reader of the
 * compiler. Which words mean something is said by queries/highlights.scm, so that a new form
 * changes a list of words and never the shape of a tree.
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

// What ends a word: white space, brackets, a text, a comment, or a mark of quotation.
const WORD = /[^\s()\[\]{}"';`,#][^\s()\[\]{}"';`,]*/;
const BLOCK = token(prec(2, "#|"));

module.exports = grammar({
  name: "avm",

  extras: ($) => [/\s/, $.line_comment, $.block_comment, $.datum_comment],

  rules: {
    source_file: ($) => repeat($._datum),

    _datum: ($) =>
      choice(
        $.list,
        $.quote,
        $.quasiquote,
        $.unquote_splicing,
        $.unquote,
        $.boolean,
        $.integer,
        $.string,
        $.bytes,
        $.keyword,
        $.symbol,
      ),

    // A dot stands before the last element; the compiler says so where it does not.
    list: ($) => seq("(", repeat(choice($._datum, $.dot)), ")"),
    dot: (_) => ".",

    quote: ($) => seq("'", $._datum),
    quasiquote: ($) => seq("`", $._datum),
    unquote_splicing: ($) => seq(",@", $._datum),
    unquote: ($) => seq(",", $._datum),

    boolean: (_) => token(choice("#t", "#f")),
    integer: (_) => token(/[+-]?[0-9]+/),
    symbol: (_) => token(WORD),
    keyword: (_) => token(seq("#:", /[^\s()\[\]{}"';`,]+/)),

    string: ($) => seq('"', repeat(choice($._text, $.escape)), token.immediate('"')),
    _text: (_) => token.immediate(prec(1, /[^"\\]+/)),
    escape: (_) =>
      token.immediate(choice(/\\[nt"\\]/, /\\u\{[0-9a-fA-F]{1,6}\}/)),
    bytes: (_) => token(/#x"([0-9a-fA-F]{2})*"/),

    line_comment: (_) => token(seq(";", /[^\n]*/)),
    // They nest. What stands inside wins over the other comments, and their marks over what stands
    // inside.
    block_comment: ($) =>
      seq(
        BLOCK,
        repeat(choice(token.immediate(prec(1, /[^#|]|#|\|/)), $.block_comment)),
        token.immediate(prec(2, "|#")),
      ),
    datum_comment: ($) => seq("#;", $._datum),
  },
});
