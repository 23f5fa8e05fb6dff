; The lists of words below are those of the language; a test of the project compares them.

(line_comment) @comment
(block_comment) @comment
(datum_comment) @comment

(string) @string
(escape) @string.escape
(bytes) @string.special
(integer) @number
(boolean) @boolean
(keyword) @attribute
(dot) @punctuation.delimiter
["(" ")"] @punctuation.bracket
["'" "`" "," ",@"] @operator

; Anything that is called, unless a rule below knows better.
(list . (symbol) @function.call)

; What a definition defines.
(list
  . (symbol) @_word
  . [(symbol) @function (list . (symbol) @function)]
  (#any-of? @_word "define" "pure" "program" "intent"))
(list
  . (symbol) @_word
  . (symbol) @type
  (#any-of? @_word "behaviour" "behavior" "define-record"))
(list
  . (symbol) @_word
  . (symbol) @module
  (#any-of? @_word "module" "import"))

; language: modules and definitions
(list
  . (symbol) @keyword
  (#any-of? @keyword
    "behavior" "behaviour" "caps" "default-controller" "define" "define-record" "else" "export"
    "import" "intent" "module" "on" "only" "otherwise" "prefix" "profile" "program" "pure" "state"
    "test"))

; language: expressions
(list
  . (symbol) @keyword
  (#any-of? @keyword
    "quote" "quasiquote" "lambda" "if" "cond" "case" "match" "let" "let*" "letrec" "begin" "and"
    "or" "when" "unless" "set!" "do" "for" "guard" "set-state!" "reply" "reply*"))

; machine: forms that do something
(list
  . (symbol) @function.builtin
  (#any-of? @function.builtin
    "reject" "new" "destroy!" "call" "ask" "call/local" "send!" "receive" "self" "input" "sender"
    "here" "get-state" "put-state!" "history" "current-history" "reflect" "scry-meta" "scry-deep"
    "reify-context" "reify-tx" "reify-constraints" "begin-tx" "begin-multi" "commit-tx" "abort-tx"
    "pure-call" "register-pure!" "update-pure!" "machine-of" "teleport!" "move!" "fetch!"
    "current-controller" "controller-of" "transfer!" "freeze!" "fd-var-in" "fd-narrow!"
    "fd-constraint!" "fd-label!" "fd-domain" "fd-push" "fd-pop" "fd-solve" "choose" "choose-from"
    "choose-weighted" "require" "require-msc" "use-once" "satisfy!" "delta" "compose" "segment"
    "gas-limit!" "drop-caps!" "abort" "atomically" "fd-post!" "fd-var" "once" "prefer"
    "transaction" "with-caps" "with-gas"))

; language: constants
((symbol) @constant.builtin
  (#any-of? @constant.builtin "nothing"))

((symbol) @variable.builtin
  (#any-of? @variable.builtin "_"))
