// The earn-rule language: its words and its shape. Types, names and limits are the business of the checker.
//
// Every decision in this grammar needs one token of look-ahead, so the fast prediction mode is exact and parsing is linear.
// Keep it so: a test fails when a rule becomes ambiguous.
grammar PointguardRules;

ruleSet : ruleDeclaration* EOF ;

ruleDeclaration : RULE name=TEXT whenClause? earnClause roundClause? ;
whenClause      : WHEN expression ;
earnClause      : EARN part=NAME expression ;
roundClause     : ROUND rounding=NAME ;

expression     : disjunction ( IF disjunction ELSE expression )? ;
disjunction    : conjunction ( OR conjunction )* ;
conjunction    : negation ( AND negation )* ;
negation       : NOT negation | comparison ;
comparison     : additive comparisonTail? ;
comparisonTail : operator=( EQUAL | NOT_EQUAL | LESS | LESS_EQUAL | GREATER | GREATER_EQUAL ) additive
               | NOT? IN LEFT_PARENTHESIS literal ( COMMA literal )* RIGHT_PARENTHESIS
               ;
additive       : multiplicative ( ( PLUS | MINUS ) multiplicative )* ;
multiplicative : signed ( ( STAR | SLASH ) signed )* ;
signed         : MINUS signed | primary ;
primary        : NUMBER
               | TEXT
               | TRUE
               | FALSE
               | NAME ( DOT NAME | arguments )?
               | LEFT_PARENTHESIS expression RIGHT_PARENTHESIS
               ;
arguments      : LEFT_PARENTHESIS ( expression ( COMMA expression )* )? RIGHT_PARENTHESIS ;
literal        : TEXT | MINUS? NUMBER ;

RULE  : 'rule' ;
WHEN  : 'when' ;
EARN  : 'earn' ;
ROUND : 'round' ;
IF    : 'if' ;
ELSE  : 'else' ;
AND   : 'and' ;
OR    : 'or' ;
NOT   : 'not' ;
IN    : 'in' ;
TRUE  : 'true' ;
FALSE : 'false' ;

EQUAL             : '==' ;
NOT_EQUAL         : '!=' ;
LESS_EQUAL        : '<=' ;
GREATER_EQUAL     : '>=' ;
LESS              : '<' ;
GREATER           : '>' ;
PLUS              : '+' ;
MINUS             : '-' ;
STAR              : '*' ;
SLASH             : '/' ;
LEFT_PARENTHESIS  : '(' ;
RIGHT_PARENTHESIS : ')' ;
COMMA             : ',' ;
DOT               : '.' ;

NUMBER : [0-9]+ ( '.' [0-9]+ )? ;
NAME   : [A-Za-z_] [A-Za-z_0-9]* ;
TEXT   : '"' ( ~["\\\u0000-\u001F\u007F] | '\\' ["\\] )* '"' ;

// Kept beside the tree, for the formatter.
COMMENT : '#' ~[\r\n]* -> channel(HIDDEN) ;
SPACE   : [ \t\r\n]+ -> skip ;

// Whatever else is written becomes a token too, so that the parser reports it, with what it expected there.
UNCLOSED_TEXT : '"' ( ~["\\\u0000-\u001F\u007F] | '\\' ["\\] )* ;
UNEXPECTED    : . ;
