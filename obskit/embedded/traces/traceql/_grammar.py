"""The grammar of TraceQL, for lark.

``&&`` and ``||`` bind equally and from the left, as in Tempo. A set of spans may stand in
parentheses with stages of its own.
"""

__all__ = ["GRAMMAR"]

GRAMMAR = r"""
start: pipeline hints?
attribute_only: field

?pipeline: spanset                      -> single
    | spanset (PIPE stage)+             -> staged
?stage: spanset
    | aggregate cmp scalar              -> scalar_filter
    | "select" "(" field ("," field)* ")" -> select

?spanset: related
    | spanset AND related               -> spanset_op
    | spanset OR related                -> spanset_op
?related: primary
    | related relation primary          -> spanset_related
primary: "{" "}"                        -> everything
    | "{" expression "}"                -> filter
    | "(" pipeline ")"                  -> grouped
!relation: ">" | "<" | ">>" | "<<" | "~" | "!>" | "!<" | "!>>" | "!<<" | "!~"
    | "&>" | "&<" | "&>>" | "&<<" | "&~"

aggregate: "count" "(" ")"              -> count
    | "max" "(" expression ")"          -> max
    | "min" "(" expression ")"          -> min
    | "avg" "(" expression ")"          -> avg
    | "sum" "(" expression ")"          -> sum
!cmp: "=" | "!=" | "<" | "<=" | ">" | ">="

?expression: comparison
    | expression AND comparison         -> logic
    | expression OR comparison          -> logic
?comparison: sum_
    | comparison comparator sum_        -> binary
!comparator: "=" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~"
?sum_: negation
    | sum_ adder negation               -> binary
!adder: "+" | "-"
?negation: product
    | "!" negation                      -> negate
?product: power
    | product multiplier power          -> binary
!multiplier: "*" | "/" | "%"
?power: signed
    | signed raiser power               -> binary
!raiser: "^"
?signed: atom
    | "-" signed                        -> minus
?atom: field
    | static                            -> literal
    | "(" expression ")"

field: ATTRIBUTE                        -> attribute
    | NAME                              -> name

static: STRING                          -> string
    | DURATION                          -> duration
    | FLOAT                             -> float
    | INTEGER                           -> integer
    | WORD                              -> word
?scalar: static
    | "-" static                        -> negative

hints: "with" "(" hint ("," hint)* ")"
hint: IDENTIFIER "=" static

PIPE: "|"
AND: "&&"
OR: "||"
WORD.3: /(true|false|nil|ok|error|unset|unspecified|internal|server|client|producer|consumer)(?![A-Za-z0-9_:.])/
NAME.3: /(duration|name|statusMessage|status|kind|rootName|rootServiceName|traceDuration|nestedSetLeft|nestedSetRight|nestedSetParent|(trace|span|event|link|instrumentation):[A-Za-z]+)(?![A-Za-z0-9_:.])/
ATTRIBUTE.4: /(resource|span|event|link|instrumentation|parent(\.(resource|span))?)?\.("([^"\\]|\\.)*"|[^\s{}()=~!<>&|^,"])+/
STRING: /"(\\.|[^"\\\n])*"|`[^`]*`/
DURATION.2: /(\d+(\.\d+)?(ns|us|µs|μs|ms|s|m|h|d|w|y))+(?![A-Za-z0-9_.])/
FLOAT.1: /\d+\.\d*([eE][+-]?\d+)?|\d+[eE][+-]?\d+/
INTEGER: /\d+/
IDENTIFIER: /[A-Za-z_][A-Za-z0-9_:]*/
%ignore /[ \t\r\n]+/
"""
