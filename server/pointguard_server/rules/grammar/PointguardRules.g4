// The earn-rule language: its words and its shape. Types, names and limits are the business of the checker.
//
// Every decision in this grammar needs one token of look-ahead, so the fast prediction mode is exact and parsing is linear.
// Keep it so: a test fails when a rule becomes ambiguous.
grammar PointguardRules;

ruleSet     : declaration* EOF ;
declaration : letDeclaration | setDeclaration | ruleDeclaration ;

letDeclaration  : LET name=NAME DEFINE expression ;
setDeclaration  : SET name=NAME ( DEFINE LEFT_PARENTHESIS literal ( COMMA literal )* RIGHT_PARENTHESIS | FROM source=TEXT ) ;
ruleDeclaration : RULE name=TEXT clause* ;

// In any order; the checker wants one award, and no other clause twice.
clause : whenClause
       | validClause
       | priorityClause
       | bestClause
       | exclusiveClause
       | earnClause
       | multiplyClause
       | capClause
       | roundClause
       | pendingClause
       | expireClause
       ;

whenClause      : WHEN expression ;
validClause     : VALID ( FROM first=DATE ( UNTIL last=DATE )? | UNTIL last=DATE ) ( IN zone=TEXT )? ;
priorityClause  : PRIORITY NUMBER ;
bestClause      : BEST OF group=TEXT ;
exclusiveClause : EXCLUSIVE ;
earnClause      : EARN part=NAME expression ( PER expression ( OF expression | WHERE expression )? )? ;
multiplyClause  : MULTIPLY part=NAME BY expression ;
capClause       : CAP NUMBER PER period=NAME ;
roundClause     : ROUND rounding=NAME ;
pendingClause   : PENDING NUMBER unit=NAME ;
expireClause    : EXPIRE ( AFTER NUMBER unit=NAME | AT END OF period=NAME ) ;

expression     : disjunction ( IF disjunction ELSE expression )? ;
disjunction    : conjunction ( OR conjunction )* ;
conjunction    : negation ( AND negation )* ;
negation       : NOT negation | comparison ;
comparison     : additive comparisonTail? ;
comparisonTail : operator=( EQUAL | NOT_EQUAL | LESS | LESS_EQUAL | GREATER | GREATER_EQUAL ) additive
               | NOT? ( IN collection | MATCHES pattern=TEXT )
               ;
collection     : LEFT_PARENTHESIS literal ( COMMA literal )* RIGHT_PARENTHESIS | NAME ( DOT NAME )? ;
additive       : multiplicative ( ( PLUS | MINUS ) multiplicative )* ;
multiplicative : signed ( ( STAR | SLASH ) signed )* ;
signed         : MINUS signed | primary ;
primary        : quantity
               | DATE
               | TEXT
               | TRUE
               | FALSE
               | THIS NAME
               | NAME ( DOT NAME | arguments )?
               | LEFT_PARENTHESIS expression RIGHT_PARENTHESIS
               ;
arguments      : LEFT_PARENTHESIS ( argument ( COMMA argument )* )? RIGHT_PARENTHESIS ;
argument       : expression ( WHERE expression | OF NAME )? ;
literal        : TEXT | DATE | MINUS? quantity ;
quantity       : NUMBER ( PERCENT | NAME )? ;

RULE      : 'rule' ;
LET       : 'let' ;
SET       : 'set' ;
FROM      : 'from' ;
WHEN      : 'when' ;
VALID     : 'valid' ;
UNTIL     : 'until' ;
PRIORITY  : 'priority' ;
BEST      : 'best' ;
OF        : 'of' ;
EXCLUSIVE : 'exclusive' ;
EARN      : 'earn' ;
PER       : 'per' ;
WHERE     : 'where' ;
MULTIPLY  : 'multiply' ;
BY        : 'by' ;
CAP       : 'cap' ;
ROUND     : 'round' ;
PENDING   : 'pending' ;
EXPIRE    : 'expire' ;
AFTER     : 'after' ;
AT        : 'at' ;
END       : 'end' ;
IF        : 'if' ;
ELSE      : 'else' ;
AND       : 'and' ;
OR        : 'or' ;
NOT       : 'not' ;
IN        : 'in' ;
MATCHES   : 'matches' ;
THIS      : 'this' ;
TRUE      : 'true' ;
FALSE     : 'false' ;

EQUAL             : '==' ;
NOT_EQUAL         : '!=' ;
LESS_EQUAL        : '<=' ;
GREATER_EQUAL     : '>=' ;
LESS              : '<' ;
GREATER           : '>' ;
DEFINE            : '=' ;
PLUS              : '+' ;
MINUS             : '-' ;
STAR              : '*' ;
SLASH             : '/' ;
PERCENT           : '%' ;
LEFT_PARENTHESIS  : '(' ;
RIGHT_PARENTHESIS : ')' ;
COMMA             : ',' ;
DOT               : '.' ;

DATE   : [0-9] [0-9] [0-9] [0-9] '-' [0-9] [0-9] '-' [0-9] [0-9] ;
NUMBER : [0-9]+ ( '.' [0-9]+ )? ;
NAME   : [A-Za-z_] [A-Za-z_0-9]* ;
TEXT   : '"' ( ~["\\\u0000-\u001F\u007F] | '\\' ["\\] )* '"' ;

// Kept beside the tree, for the formatter.
COMMENT : '#' ~[\r\n]* -> channel(HIDDEN) ;
SPACE   : [ \t\r\n]+ -> skip ;

// Whatever else is written becomes a token too, so that the parser reports it, with what it expected there.
UNCLOSED_TEXT : '"' ( ~["\\\u0000-\u001F\u007F] | '\\' ["\\] )* ;
UNEXPECTED    : . ;
