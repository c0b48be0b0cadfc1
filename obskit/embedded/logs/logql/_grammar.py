"""The grammar of LogQL, as far as this store answers it and a little further, to refuse the rest by name.

Where Loki's own grammar leaves a choice open its parser reads on rather than closes a rule;
Lark decides the same way, so label filters group as they do there.
"""

__all__ = ["GRAMMAR"]

GRAMMAR = r"""
start: expression

?expression: disjunction
?disjunction: conjunction | disjunction OR modifier conjunction -> binary
?conjunction: comparison | conjunction (AND | UNLESS) modifier comparison -> binary
?comparison: addition | comparison (CMP_EQ | NEQ | GT | GTE | LT | LTE) modifier addition -> binary
?addition: product | addition (ADD | SUB) modifier product -> binary
?product: power | product (MUL | DIV | MOD) modifier power -> binary
?power: operand | operand POW modifier power -> binary
?operand: logs | range_aggregation | vector_aggregation | literal | label_replace | vector
    | variants | _LPAR expression _RPAR

logs: selector [pipeline]
selector: _LBRACE [matchers] _RBRACE
matchers: matcher (_COMMA matcher)*
matcher: NAME (EQ | NEQ | RE | NRE) STRING

pipeline: stage | pipeline stage
?stage: line_filter
    | _PIPE JSON [extractions] -> json
    | _PIPE LOGFMT [flags] [extractions] -> logfmt
    | _PIPE REGEXP STRING -> regexp
    | _PIPE PATTERN STRING -> pattern
    | _PIPE UNPACK -> unpack
    | _PIPE LINE_FORMAT STRING -> line_format
    | _PIPE LABEL_FORMAT label_format (_COMMA label_format)* -> label_formats
    | _PIPE DECOLORIZE -> decolorize
    | _PIPE DROP named (_COMMA named)* -> drop
    | _PIPE KEEP named (_COMMA named)* -> keep
    | _PIPE filter -> where
line_filter: (PIPE_EXACT | PIPE_MATCH | PIPE_PATTERN | NEQ | NRE | NPA) wanted | line_filter OR wanted
?wanted: STRING | IP _LPAR STRING _RPAR -> ip
flags: FLAG+
extractions: extraction (_COMMA extraction)*
extraction: NAME [EQ STRING]
label_format: NAME EQ (NAME | STRING)
?named: NAME | matcher

?filter: either
?either: both | either OR both -> combined
?both: chained | both AND chained -> combined
?chained: condition | condition _COMMA filter -> chained | condition filter -> chained
?condition: matcher | compared | _LPAR filter _RPAR
compared: NAME (GT | GTE | LT | LTE | NEQ | EQ | CMP_EQ) (DURATION | BYTES | literal)
    | NAME (EQ | NEQ) IP _LPAR STRING _RPAR -> ip_filter

log_range: selector [pipeline] [unwrap] RANGE [offset] -> range_last
    | _LPAR selector [pipeline] [unwrap] _RPAR RANGE [offset] -> range_last
    | selector RANGE [offset] pipeline [unwrap] -> range_first
    | selector RANGE [offset] unwrap -> range_unwrapped
    | _LPAR selector _RPAR RANGE [offset] unwrap -> range_unwrapped
    | _LPAR log_range _RPAR -> range_again
unwrap: _PIPE UNWRAP NAME
    | _PIPE UNWRAP CONV_OP _LPAR NAME _RPAR
    | unwrap _PIPE filter -> unwrap_filter
offset: OFFSET DURATION

range_aggregation: RANGE_OP _LPAR [NUMBER _COMMA] log_range _RPAR [grouping]
!vector_aggregation: VECTOR_OP [grouping] _LPAR [NUMBER _COMMA] expression _RPAR [grouping]
label_replace: LABEL_REPLACE _LPAR expression _COMMA STRING _COMMA STRING _COMMA STRING _COMMA STRING _RPAR
vector: VECTOR _LPAR NUMBER _RPAR
variants: VARIANTS _LPAR expression (_COMMA expression)* _RPAR OF _LPAR log_range _RPAR
literal: NUMBER | ADD NUMBER | SUB NUMBER -> negative

grouping: (BY | WITHOUT) _LPAR [names] _RPAR
names: NAME (_COMMA NAME)*
modifier: [BOOL] [matching]
matching: (ON | IGNORING) _LPAR [names] _RPAR [grouped]
grouped: (GROUP_LEFT | GROUP_RIGHT) [_LPAR [names] _RPAR]

%declare OR AND UNLESS CMP_EQ NEQ GT GTE LT LTE ADD SUB MUL DIV MOD POW
%declare _LPAR _RPAR _LBRACE _RBRACE _COMMA _PIPE NAME STRING NUMBER DURATION BYTES RANGE FLAG
%declare EQ RE NRE NPA PIPE_EXACT PIPE_MATCH PIPE_PATTERN JSON LOGFMT REGEXP PATTERN UNPACK
%declare LINE_FORMAT LABEL_FORMAT DECOLORIZE DROP KEEP IP UNWRAP CONV_OP OFFSET RANGE_OP VECTOR_OP
%declare LABEL_REPLACE VECTOR VARIANTS OF BY WITHOUT BOOL ON IGNORING GROUP_LEFT GROUP_RIGHT DOT
"""
