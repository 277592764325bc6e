# Generated from PointguardRules.g4 by ANTLR 4.13.2
# encoding: utf-8
from antlr4 import *
from io import StringIO
import sys
if sys.version_info[1] > 5:
	from typing import TextIO
else:
	from typing.io import TextIO

def serializedATN():
    return [
        4,1,57,325,2,0,7,0,2,1,7,1,2,2,7,2,2,3,7,3,2,4,7,4,2,5,7,5,2,6,7,
        6,2,7,7,7,2,8,7,8,2,9,7,9,2,10,7,10,2,11,7,11,2,12,7,12,2,13,7,13,
        2,14,7,14,2,15,7,15,2,16,7,16,2,17,7,17,2,18,7,18,2,19,7,19,2,20,
        7,20,2,21,7,21,2,22,7,22,2,23,7,23,2,24,7,24,2,25,7,25,2,26,7,26,
        2,27,7,27,2,28,7,28,2,29,7,29,2,30,7,30,2,31,7,31,1,0,5,0,66,8,0,
        10,0,12,0,69,9,0,1,0,1,0,1,1,1,1,1,1,3,1,76,8,1,1,2,1,2,1,2,1,2,
        1,2,1,3,1,3,1,3,1,3,1,3,1,3,1,3,5,3,90,8,3,10,3,12,3,93,9,3,1,3,
        1,3,1,3,1,3,3,3,99,8,3,1,4,1,4,1,4,5,4,104,8,4,10,4,12,4,107,9,4,
        1,5,1,5,1,5,1,5,1,5,1,5,1,5,1,5,1,5,1,5,1,5,3,5,120,8,5,1,6,1,6,
        1,6,1,7,1,7,1,7,1,7,1,7,3,7,130,8,7,1,7,1,7,3,7,134,8,7,1,7,1,7,
        3,7,138,8,7,1,8,1,8,1,8,1,9,1,9,1,9,1,9,1,10,1,10,1,11,1,11,1,11,
        1,11,1,11,1,11,1,11,1,11,1,11,3,11,158,8,11,3,11,160,8,11,1,12,1,
        12,1,12,1,12,1,12,1,13,1,13,1,13,1,13,1,13,1,14,1,14,1,14,1,15,1,
        15,1,15,1,15,1,16,1,16,1,16,1,16,1,16,1,16,1,16,1,16,3,16,187,8,
        16,1,17,1,17,1,17,1,17,1,17,1,17,3,17,195,8,17,1,18,1,18,1,18,5,
        18,200,8,18,10,18,12,18,203,9,18,1,19,1,19,1,19,5,19,208,8,19,10,
        19,12,19,211,9,19,1,20,1,20,1,20,3,20,216,8,20,1,21,1,21,3,21,220,
        8,21,1,22,1,22,1,22,3,22,225,8,22,1,22,1,22,1,22,1,22,3,22,231,8,
        22,3,22,233,8,22,1,23,1,23,1,23,1,23,5,23,239,8,23,10,23,12,23,242,
        9,23,1,23,1,23,1,23,1,23,1,23,3,23,249,8,23,3,23,251,8,23,1,24,1,
        24,1,24,5,24,256,8,24,10,24,12,24,259,9,24,1,25,1,25,1,25,5,25,264,
        8,25,10,25,12,25,267,9,25,1,26,1,26,1,26,3,26,272,8,26,1,27,1,27,
        1,27,1,27,1,27,1,27,1,27,1,27,1,27,1,27,1,27,3,27,285,8,27,1,27,
        1,27,1,27,1,27,3,27,291,8,27,1,28,1,28,1,28,1,28,5,28,297,8,28,10,
        28,12,28,300,9,28,3,28,302,8,28,1,28,1,28,1,29,1,29,1,29,1,29,1,
        29,3,29,311,8,29,1,30,1,30,1,30,3,30,316,8,30,1,30,3,30,319,8,30,
        1,31,1,31,3,31,323,8,31,1,31,0,0,32,0,2,4,6,8,10,12,14,16,18,20,
        22,24,26,28,30,32,34,36,38,40,42,44,46,48,50,52,54,56,58,60,62,0,
        4,1,0,34,39,1,0,41,42,1,0,43,44,2,0,45,45,52,52,346,0,67,1,0,0,0,
        2,75,1,0,0,0,4,77,1,0,0,0,6,82,1,0,0,0,8,100,1,0,0,0,10,119,1,0,
        0,0,12,121,1,0,0,0,14,124,1,0,0,0,16,139,1,0,0,0,18,142,1,0,0,0,
        20,146,1,0,0,0,22,148,1,0,0,0,24,161,1,0,0,0,26,166,1,0,0,0,28,171,
        1,0,0,0,30,174,1,0,0,0,32,178,1,0,0,0,34,188,1,0,0,0,36,196,1,0,
        0,0,38,204,1,0,0,0,40,215,1,0,0,0,42,217,1,0,0,0,44,232,1,0,0,0,
        46,250,1,0,0,0,48,252,1,0,0,0,50,260,1,0,0,0,52,271,1,0,0,0,54,290,
        1,0,0,0,56,292,1,0,0,0,58,305,1,0,0,0,60,318,1,0,0,0,62,320,1,0,
        0,0,64,66,3,2,1,0,65,64,1,0,0,0,66,69,1,0,0,0,67,65,1,0,0,0,67,68,
        1,0,0,0,68,70,1,0,0,0,69,67,1,0,0,0,70,71,5,0,0,1,71,1,1,0,0,0,72,
        76,3,4,2,0,73,76,3,6,3,0,74,76,3,8,4,0,75,72,1,0,0,0,75,73,1,0,0,
        0,75,74,1,0,0,0,76,3,1,0,0,0,77,78,5,2,0,0,78,79,5,52,0,0,79,80,
        5,40,0,0,80,81,3,34,17,0,81,5,1,0,0,0,82,83,5,3,0,0,83,98,5,52,0,
        0,84,85,5,40,0,0,85,86,5,46,0,0,86,91,3,60,30,0,87,88,5,48,0,0,88,
        90,3,60,30,0,89,87,1,0,0,0,90,93,1,0,0,0,91,89,1,0,0,0,91,92,1,0,
        0,0,92,94,1,0,0,0,93,91,1,0,0,0,94,95,5,47,0,0,95,99,1,0,0,0,96,
        97,5,4,0,0,97,99,5,53,0,0,98,84,1,0,0,0,98,96,1,0,0,0,99,7,1,0,0,
        0,100,101,5,1,0,0,101,105,5,53,0,0,102,104,3,10,5,0,103,102,1,0,
        0,0,104,107,1,0,0,0,105,103,1,0,0,0,105,106,1,0,0,0,106,9,1,0,0,
        0,107,105,1,0,0,0,108,120,3,12,6,0,109,120,3,14,7,0,110,120,3,16,
        8,0,111,120,3,18,9,0,112,120,3,20,10,0,113,120,3,22,11,0,114,120,
        3,24,12,0,115,120,3,26,13,0,116,120,3,28,14,0,117,120,3,30,15,0,
        118,120,3,32,16,0,119,108,1,0,0,0,119,109,1,0,0,0,119,110,1,0,0,
        0,119,111,1,0,0,0,119,112,1,0,0,0,119,113,1,0,0,0,119,114,1,0,0,
        0,119,115,1,0,0,0,119,116,1,0,0,0,119,117,1,0,0,0,119,118,1,0,0,
        0,120,11,1,0,0,0,121,122,5,5,0,0,122,123,3,34,17,0,123,13,1,0,0,
        0,124,133,5,6,0,0,125,126,5,4,0,0,126,129,5,50,0,0,127,128,5,7,0,
        0,128,130,5,50,0,0,129,127,1,0,0,0,129,130,1,0,0,0,130,134,1,0,0,
        0,131,132,5,7,0,0,132,134,5,50,0,0,133,125,1,0,0,0,133,131,1,0,0,
        0,134,137,1,0,0,0,135,136,5,29,0,0,136,138,5,53,0,0,137,135,1,0,
        0,0,137,138,1,0,0,0,138,15,1,0,0,0,139,140,5,8,0,0,140,141,5,51,
        0,0,141,17,1,0,0,0,142,143,5,9,0,0,143,144,5,10,0,0,144,145,5,53,
        0,0,145,19,1,0,0,0,146,147,5,11,0,0,147,21,1,0,0,0,148,149,5,12,
        0,0,149,150,5,52,0,0,150,159,3,34,17,0,151,152,5,13,0,0,152,157,
        3,34,17,0,153,154,5,10,0,0,154,158,3,34,17,0,155,156,5,14,0,0,156,
        158,3,34,17,0,157,153,1,0,0,0,157,155,1,0,0,0,157,158,1,0,0,0,158,
        160,1,0,0,0,159,151,1,0,0,0,159,160,1,0,0,0,160,23,1,0,0,0,161,162,
        5,15,0,0,162,163,5,52,0,0,163,164,5,16,0,0,164,165,3,34,17,0,165,
        25,1,0,0,0,166,167,5,17,0,0,167,168,5,51,0,0,168,169,5,13,0,0,169,
        170,5,52,0,0,170,27,1,0,0,0,171,172,5,18,0,0,172,173,5,52,0,0,173,
        29,1,0,0,0,174,175,5,19,0,0,175,176,5,51,0,0,176,177,5,52,0,0,177,
        31,1,0,0,0,178,186,5,20,0,0,179,180,5,21,0,0,180,181,5,51,0,0,181,
        187,5,52,0,0,182,183,5,22,0,0,183,184,5,23,0,0,184,185,5,10,0,0,
        185,187,5,52,0,0,186,179,1,0,0,0,186,182,1,0,0,0,187,33,1,0,0,0,
        188,194,3,36,18,0,189,190,5,24,0,0,190,191,3,36,18,0,191,192,5,25,
        0,0,192,193,3,34,17,0,193,195,1,0,0,0,194,189,1,0,0,0,194,195,1,
        0,0,0,195,35,1,0,0,0,196,201,3,38,19,0,197,198,5,27,0,0,198,200,
        3,38,19,0,199,197,1,0,0,0,200,203,1,0,0,0,201,199,1,0,0,0,201,202,
        1,0,0,0,202,37,1,0,0,0,203,201,1,0,0,0,204,209,3,40,20,0,205,206,
        5,26,0,0,206,208,3,40,20,0,207,205,1,0,0,0,208,211,1,0,0,0,209,207,
        1,0,0,0,209,210,1,0,0,0,210,39,1,0,0,0,211,209,1,0,0,0,212,213,5,
        28,0,0,213,216,3,40,20,0,214,216,3,42,21,0,215,212,1,0,0,0,215,214,
        1,0,0,0,216,41,1,0,0,0,217,219,3,48,24,0,218,220,3,44,22,0,219,218,
        1,0,0,0,219,220,1,0,0,0,220,43,1,0,0,0,221,222,7,0,0,0,222,233,3,
        48,24,0,223,225,5,28,0,0,224,223,1,0,0,0,224,225,1,0,0,0,225,230,
        1,0,0,0,226,227,5,29,0,0,227,231,3,46,23,0,228,229,5,30,0,0,229,
        231,5,53,0,0,230,226,1,0,0,0,230,228,1,0,0,0,231,233,1,0,0,0,232,
        221,1,0,0,0,232,224,1,0,0,0,233,45,1,0,0,0,234,235,5,46,0,0,235,
        240,3,60,30,0,236,237,5,48,0,0,237,239,3,60,30,0,238,236,1,0,0,0,
        239,242,1,0,0,0,240,238,1,0,0,0,240,241,1,0,0,0,241,243,1,0,0,0,
        242,240,1,0,0,0,243,244,5,47,0,0,244,251,1,0,0,0,245,248,5,52,0,
        0,246,247,5,49,0,0,247,249,5,52,0,0,248,246,1,0,0,0,248,249,1,0,
        0,0,249,251,1,0,0,0,250,234,1,0,0,0,250,245,1,0,0,0,251,47,1,0,0,
        0,252,257,3,50,25,0,253,254,7,1,0,0,254,256,3,50,25,0,255,253,1,
        0,0,0,256,259,1,0,0,0,257,255,1,0,0,0,257,258,1,0,0,0,258,49,1,0,
        0,0,259,257,1,0,0,0,260,265,3,52,26,0,261,262,7,2,0,0,262,264,3,
        52,26,0,263,261,1,0,0,0,264,267,1,0,0,0,265,263,1,0,0,0,265,266,
        1,0,0,0,266,51,1,0,0,0,267,265,1,0,0,0,268,269,5,42,0,0,269,272,
        3,52,26,0,270,272,3,54,27,0,271,268,1,0,0,0,271,270,1,0,0,0,272,
        53,1,0,0,0,273,291,3,62,31,0,274,291,5,50,0,0,275,291,5,53,0,0,276,
        291,5,32,0,0,277,291,5,33,0,0,278,279,5,31,0,0,279,291,5,52,0,0,
        280,284,5,52,0,0,281,282,5,49,0,0,282,285,5,52,0,0,283,285,3,56,
        28,0,284,281,1,0,0,0,284,283,1,0,0,0,284,285,1,0,0,0,285,291,1,0,
        0,0,286,287,5,46,0,0,287,288,3,34,17,0,288,289,5,47,0,0,289,291,
        1,0,0,0,290,273,1,0,0,0,290,274,1,0,0,0,290,275,1,0,0,0,290,276,
        1,0,0,0,290,277,1,0,0,0,290,278,1,0,0,0,290,280,1,0,0,0,290,286,
        1,0,0,0,291,55,1,0,0,0,292,301,5,46,0,0,293,298,3,58,29,0,294,295,
        5,48,0,0,295,297,3,58,29,0,296,294,1,0,0,0,297,300,1,0,0,0,298,296,
        1,0,0,0,298,299,1,0,0,0,299,302,1,0,0,0,300,298,1,0,0,0,301,293,
        1,0,0,0,301,302,1,0,0,0,302,303,1,0,0,0,303,304,5,47,0,0,304,57,
        1,0,0,0,305,310,3,34,17,0,306,307,5,14,0,0,307,311,3,34,17,0,308,
        309,5,10,0,0,309,311,5,52,0,0,310,306,1,0,0,0,310,308,1,0,0,0,310,
        311,1,0,0,0,311,59,1,0,0,0,312,319,5,53,0,0,313,319,5,50,0,0,314,
        316,5,42,0,0,315,314,1,0,0,0,315,316,1,0,0,0,316,317,1,0,0,0,317,
        319,3,62,31,0,318,312,1,0,0,0,318,313,1,0,0,0,318,315,1,0,0,0,319,
        61,1,0,0,0,320,322,5,51,0,0,321,323,7,3,0,0,322,321,1,0,0,0,322,
        323,1,0,0,0,323,63,1,0,0,0,34,67,75,91,98,105,119,129,133,137,157,
        159,186,194,201,209,215,219,224,230,232,240,248,250,257,265,271,
        284,290,298,301,310,315,318,322
    ]

class PointguardRulesParser ( Parser ):

    grammarFileName = "PointguardRules.g4"

    atn = ATNDeserializer().deserialize(serializedATN())

    decisionsToDFA = [ DFA(ds, i) for i, ds in enumerate(atn.decisionToState) ]

    sharedContextCache = PredictionContextCache()

    literalNames = [ "<INVALID>", "'rule'", "'let'", "'set'", "'from'", 
                     "'when'", "'valid'", "'until'", "'priority'", "'best'", 
                     "'of'", "'exclusive'", "'earn'", "'per'", "'where'", 
                     "'multiply'", "'by'", "'cap'", "'round'", "'pending'", 
                     "'expire'", "'after'", "'at'", "'end'", "'if'", "'else'", 
                     "'and'", "'or'", "'not'", "'in'", "'matches'", "'this'", 
                     "'true'", "'false'", "'=='", "'!='", "'<='", "'>='", 
                     "'<'", "'>'", "'='", "'+'", "'-'", "'*'", "'/'", "'%'", 
                     "'('", "')'", "','", "'.'" ]

    symbolicNames = [ "<INVALID>", "RULE", "LET", "SET", "FROM", "WHEN", 
                      "VALID", "UNTIL", "PRIORITY", "BEST", "OF", "EXCLUSIVE", 
                      "EARN", "PER", "WHERE", "MULTIPLY", "BY", "CAP", "ROUND", 
                      "PENDING", "EXPIRE", "AFTER", "AT", "END", "IF", "ELSE", 
                      "AND", "OR", "NOT", "IN", "MATCHES", "THIS", "TRUE", 
                      "FALSE", "EQUAL", "NOT_EQUAL", "LESS_EQUAL", "GREATER_EQUAL", 
                      "LESS", "GREATER", "DEFINE", "PLUS", "MINUS", "STAR", 
                      "SLASH", "PERCENT", "LEFT_PARENTHESIS", "RIGHT_PARENTHESIS", 
                      "COMMA", "DOT", "DATE", "NUMBER", "NAME", "TEXT", 
                      "COMMENT", "SPACE", "UNCLOSED_TEXT", "UNEXPECTED" ]

    RULE_ruleSet = 0
    RULE_declaration = 1
    RULE_letDeclaration = 2
    RULE_setDeclaration = 3
    RULE_ruleDeclaration = 4
    RULE_clause = 5
    RULE_whenClause = 6
    RULE_validClause = 7
    RULE_priorityClause = 8
    RULE_bestClause = 9
    RULE_exclusiveClause = 10
    RULE_earnClause = 11
    RULE_multiplyClause = 12
    RULE_capClause = 13
    RULE_roundClause = 14
    RULE_pendingClause = 15
    RULE_expireClause = 16
    RULE_expression = 17
    RULE_disjunction = 18
    RULE_conjunction = 19
    RULE_negation = 20
    RULE_comparison = 21
    RULE_comparisonTail = 22
    RULE_collection = 23
    RULE_additive = 24
    RULE_multiplicative = 25
    RULE_signed = 26
    RULE_primary = 27
    RULE_arguments = 28
    RULE_argument = 29
    RULE_literal = 30
    RULE_quantity = 31

    ruleNames =  [ "ruleSet", "declaration", "letDeclaration", "setDeclaration", 
                   "ruleDeclaration", "clause", "whenClause", "validClause", 
                   "priorityClause", "bestClause", "exclusiveClause", "earnClause", 
                   "multiplyClause", "capClause", "roundClause", "pendingClause", 
                   "expireClause", "expression", "disjunction", "conjunction", 
                   "negation", "comparison", "comparisonTail", "collection", 
                   "additive", "multiplicative", "signed", "primary", "arguments", 
                   "argument", "literal", "quantity" ]

    EOF = Token.EOF
    RULE=1
    LET=2
    SET=3
    FROM=4
    WHEN=5
    VALID=6
    UNTIL=7
    PRIORITY=8
    BEST=9
    OF=10
    EXCLUSIVE=11
    EARN=12
    PER=13
    WHERE=14
    MULTIPLY=15
    BY=16
    CAP=17
    ROUND=18
    PENDING=19
    EXPIRE=20
    AFTER=21
    AT=22
    END=23
    IF=24
    ELSE=25
    AND=26
    OR=27
    NOT=28
    IN=29
    MATCHES=30
    THIS=31
    TRUE=32
    FALSE=33
    EQUAL=34
    NOT_EQUAL=35
    LESS_EQUAL=36
    GREATER_EQUAL=37
    LESS=38
    GREATER=39
    DEFINE=40
    PLUS=41
    MINUS=42
    STAR=43
    SLASH=44
    PERCENT=45
    LEFT_PARENTHESIS=46
    RIGHT_PARENTHESIS=47
    COMMA=48
    DOT=49
    DATE=50
    NUMBER=51
    NAME=52
    TEXT=53
    COMMENT=54
    SPACE=55
    UNCLOSED_TEXT=56
    UNEXPECTED=57

    def __init__(self, input:TokenStream, output:TextIO = sys.stdout):
        super().__init__(input, output)
        self.checkVersion("4.13.2")
        self._interp = ParserATNSimulator(self, self.atn, self.decisionsToDFA, self.sharedContextCache)
        self._predicates = None




    class RuleSetContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def EOF(self):
            return self.getToken(PointguardRulesParser.EOF, 0)

        def declaration(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.DeclarationContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.DeclarationContext,i)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_ruleSet




    def ruleSet(self):

        localctx = PointguardRulesParser.RuleSetContext(self, self._ctx, self.state)
        self.enterRule(localctx, 0, self.RULE_ruleSet)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 67
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while (((_la) & ~0x3f) == 0 and ((1 << _la) & 14) != 0):
                self.state = 64
                self.declaration()
                self.state = 69
                self._errHandler.sync(self)
                _la = self._input.LA(1)

            self.state = 70
            self.match(PointguardRulesParser.EOF)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class DeclarationContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def letDeclaration(self):
            return self.getTypedRuleContext(PointguardRulesParser.LetDeclarationContext,0)


        def setDeclaration(self):
            return self.getTypedRuleContext(PointguardRulesParser.SetDeclarationContext,0)


        def ruleDeclaration(self):
            return self.getTypedRuleContext(PointguardRulesParser.RuleDeclarationContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_declaration




    def declaration(self):

        localctx = PointguardRulesParser.DeclarationContext(self, self._ctx, self.state)
        self.enterRule(localctx, 2, self.RULE_declaration)
        try:
            self.state = 75
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [2]:
                self.enterOuterAlt(localctx, 1)
                self.state = 72
                self.letDeclaration()
                pass
            elif token in [3]:
                self.enterOuterAlt(localctx, 2)
                self.state = 73
                self.setDeclaration()
                pass
            elif token in [1]:
                self.enterOuterAlt(localctx, 3)
                self.state = 74
                self.ruleDeclaration()
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class LetDeclarationContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.name = None # Token

        def LET(self):
            return self.getToken(PointguardRulesParser.LET, 0)

        def DEFINE(self):
            return self.getToken(PointguardRulesParser.DEFINE, 0)

        def expression(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,0)


        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_letDeclaration




    def letDeclaration(self):

        localctx = PointguardRulesParser.LetDeclarationContext(self, self._ctx, self.state)
        self.enterRule(localctx, 4, self.RULE_letDeclaration)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 77
            self.match(PointguardRulesParser.LET)
            self.state = 78
            localctx.name = self.match(PointguardRulesParser.NAME)
            self.state = 79
            self.match(PointguardRulesParser.DEFINE)
            self.state = 80
            self.expression()
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class SetDeclarationContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.name = None # Token
            self.source = None # Token

        def SET(self):
            return self.getToken(PointguardRulesParser.SET, 0)

        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def DEFINE(self):
            return self.getToken(PointguardRulesParser.DEFINE, 0)

        def LEFT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.LEFT_PARENTHESIS, 0)

        def literal(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.LiteralContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.LiteralContext,i)


        def RIGHT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.RIGHT_PARENTHESIS, 0)

        def FROM(self):
            return self.getToken(PointguardRulesParser.FROM, 0)

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def COMMA(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.COMMA)
            else:
                return self.getToken(PointguardRulesParser.COMMA, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_setDeclaration




    def setDeclaration(self):

        localctx = PointguardRulesParser.SetDeclarationContext(self, self._ctx, self.state)
        self.enterRule(localctx, 6, self.RULE_setDeclaration)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 82
            self.match(PointguardRulesParser.SET)
            self.state = 83
            localctx.name = self.match(PointguardRulesParser.NAME)
            self.state = 98
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [40]:
                self.state = 84
                self.match(PointguardRulesParser.DEFINE)
                self.state = 85
                self.match(PointguardRulesParser.LEFT_PARENTHESIS)
                self.state = 86
                self.literal()
                self.state = 91
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                while _la==48:
                    self.state = 87
                    self.match(PointguardRulesParser.COMMA)
                    self.state = 88
                    self.literal()
                    self.state = 93
                    self._errHandler.sync(self)
                    _la = self._input.LA(1)

                self.state = 94
                self.match(PointguardRulesParser.RIGHT_PARENTHESIS)
                pass
            elif token in [4]:
                self.state = 96
                self.match(PointguardRulesParser.FROM)
                self.state = 97
                localctx.source = self.match(PointguardRulesParser.TEXT)
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class RuleDeclarationContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.name = None # Token

        def RULE(self):
            return self.getToken(PointguardRulesParser.RULE, 0)

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def clause(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.ClauseContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.ClauseContext,i)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_ruleDeclaration




    def ruleDeclaration(self):

        localctx = PointguardRulesParser.RuleDeclarationContext(self, self._ctx, self.state)
        self.enterRule(localctx, 8, self.RULE_ruleDeclaration)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 100
            self.match(PointguardRulesParser.RULE)
            self.state = 101
            localctx.name = self.match(PointguardRulesParser.TEXT)
            self.state = 105
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while (((_la) & ~0x3f) == 0 and ((1 << _la) & 2005856) != 0):
                self.state = 102
                self.clause()
                self.state = 107
                self._errHandler.sync(self)
                _la = self._input.LA(1)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def whenClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.WhenClauseContext,0)


        def validClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.ValidClauseContext,0)


        def priorityClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.PriorityClauseContext,0)


        def bestClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.BestClauseContext,0)


        def exclusiveClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExclusiveClauseContext,0)


        def earnClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.EarnClauseContext,0)


        def multiplyClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.MultiplyClauseContext,0)


        def capClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.CapClauseContext,0)


        def roundClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.RoundClauseContext,0)


        def pendingClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.PendingClauseContext,0)


        def expireClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExpireClauseContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_clause




    def clause(self):

        localctx = PointguardRulesParser.ClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 10, self.RULE_clause)
        try:
            self.state = 119
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [5]:
                self.enterOuterAlt(localctx, 1)
                self.state = 108
                self.whenClause()
                pass
            elif token in [6]:
                self.enterOuterAlt(localctx, 2)
                self.state = 109
                self.validClause()
                pass
            elif token in [8]:
                self.enterOuterAlt(localctx, 3)
                self.state = 110
                self.priorityClause()
                pass
            elif token in [9]:
                self.enterOuterAlt(localctx, 4)
                self.state = 111
                self.bestClause()
                pass
            elif token in [11]:
                self.enterOuterAlt(localctx, 5)
                self.state = 112
                self.exclusiveClause()
                pass
            elif token in [12]:
                self.enterOuterAlt(localctx, 6)
                self.state = 113
                self.earnClause()
                pass
            elif token in [15]:
                self.enterOuterAlt(localctx, 7)
                self.state = 114
                self.multiplyClause()
                pass
            elif token in [17]:
                self.enterOuterAlt(localctx, 8)
                self.state = 115
                self.capClause()
                pass
            elif token in [18]:
                self.enterOuterAlt(localctx, 9)
                self.state = 116
                self.roundClause()
                pass
            elif token in [19]:
                self.enterOuterAlt(localctx, 10)
                self.state = 117
                self.pendingClause()
                pass
            elif token in [20]:
                self.enterOuterAlt(localctx, 11)
                self.state = 118
                self.expireClause()
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class WhenClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def WHEN(self):
            return self.getToken(PointguardRulesParser.WHEN, 0)

        def expression(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_whenClause




    def whenClause(self):

        localctx = PointguardRulesParser.WhenClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 12, self.RULE_whenClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 121
            self.match(PointguardRulesParser.WHEN)
            self.state = 122
            self.expression()
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ValidClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.first = None # Token
            self.last = None # Token
            self.zone = None # Token

        def VALID(self):
            return self.getToken(PointguardRulesParser.VALID, 0)

        def FROM(self):
            return self.getToken(PointguardRulesParser.FROM, 0)

        def UNTIL(self):
            return self.getToken(PointguardRulesParser.UNTIL, 0)

        def DATE(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.DATE)
            else:
                return self.getToken(PointguardRulesParser.DATE, i)

        def IN(self):
            return self.getToken(PointguardRulesParser.IN, 0)

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_validClause




    def validClause(self):

        localctx = PointguardRulesParser.ValidClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 14, self.RULE_validClause)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 124
            self.match(PointguardRulesParser.VALID)
            self.state = 133
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [4]:
                self.state = 125
                self.match(PointguardRulesParser.FROM)
                self.state = 126
                localctx.first = self.match(PointguardRulesParser.DATE)
                self.state = 129
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                if _la==7:
                    self.state = 127
                    self.match(PointguardRulesParser.UNTIL)
                    self.state = 128
                    localctx.last = self.match(PointguardRulesParser.DATE)


                pass
            elif token in [7]:
                self.state = 131
                self.match(PointguardRulesParser.UNTIL)
                self.state = 132
                localctx.last = self.match(PointguardRulesParser.DATE)
                pass
            else:
                raise NoViableAltException(self)

            self.state = 137
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if _la==29:
                self.state = 135
                self.match(PointguardRulesParser.IN)
                self.state = 136
                localctx.zone = self.match(PointguardRulesParser.TEXT)


        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class PriorityClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def PRIORITY(self):
            return self.getToken(PointguardRulesParser.PRIORITY, 0)

        def NUMBER(self):
            return self.getToken(PointguardRulesParser.NUMBER, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_priorityClause




    def priorityClause(self):

        localctx = PointguardRulesParser.PriorityClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 16, self.RULE_priorityClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 139
            self.match(PointguardRulesParser.PRIORITY)
            self.state = 140
            self.match(PointguardRulesParser.NUMBER)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class BestClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.group = None # Token

        def BEST(self):
            return self.getToken(PointguardRulesParser.BEST, 0)

        def OF(self):
            return self.getToken(PointguardRulesParser.OF, 0)

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_bestClause




    def bestClause(self):

        localctx = PointguardRulesParser.BestClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 18, self.RULE_bestClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 142
            self.match(PointguardRulesParser.BEST)
            self.state = 143
            self.match(PointguardRulesParser.OF)
            self.state = 144
            localctx.group = self.match(PointguardRulesParser.TEXT)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ExclusiveClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def EXCLUSIVE(self):
            return self.getToken(PointguardRulesParser.EXCLUSIVE, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_exclusiveClause




    def exclusiveClause(self):

        localctx = PointguardRulesParser.ExclusiveClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 20, self.RULE_exclusiveClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 146
            self.match(PointguardRulesParser.EXCLUSIVE)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class EarnClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.part = None # Token

        def EARN(self):
            return self.getToken(PointguardRulesParser.EARN, 0)

        def expression(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.ExpressionContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,i)


        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def PER(self):
            return self.getToken(PointguardRulesParser.PER, 0)

        def OF(self):
            return self.getToken(PointguardRulesParser.OF, 0)

        def WHERE(self):
            return self.getToken(PointguardRulesParser.WHERE, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_earnClause




    def earnClause(self):

        localctx = PointguardRulesParser.EarnClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 22, self.RULE_earnClause)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 148
            self.match(PointguardRulesParser.EARN)
            self.state = 149
            localctx.part = self.match(PointguardRulesParser.NAME)
            self.state = 150
            self.expression()
            self.state = 159
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if _la==13:
                self.state = 151
                self.match(PointguardRulesParser.PER)
                self.state = 152
                self.expression()
                self.state = 157
                self._errHandler.sync(self)
                token = self._input.LA(1)
                if token in [10]:
                    self.state = 153
                    self.match(PointguardRulesParser.OF)
                    self.state = 154
                    self.expression()
                    pass
                elif token in [14]:
                    self.state = 155
                    self.match(PointguardRulesParser.WHERE)
                    self.state = 156
                    self.expression()
                    pass
                elif token in [-1, 1, 2, 3, 5, 6, 8, 9, 11, 12, 15, 17, 18, 19, 20]:
                    pass
                else:
                    pass


        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class MultiplyClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.part = None # Token

        def MULTIPLY(self):
            return self.getToken(PointguardRulesParser.MULTIPLY, 0)

        def BY(self):
            return self.getToken(PointguardRulesParser.BY, 0)

        def expression(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,0)


        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_multiplyClause




    def multiplyClause(self):

        localctx = PointguardRulesParser.MultiplyClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 24, self.RULE_multiplyClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 161
            self.match(PointguardRulesParser.MULTIPLY)
            self.state = 162
            localctx.part = self.match(PointguardRulesParser.NAME)
            self.state = 163
            self.match(PointguardRulesParser.BY)
            self.state = 164
            self.expression()
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class CapClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.period = None # Token

        def CAP(self):
            return self.getToken(PointguardRulesParser.CAP, 0)

        def NUMBER(self):
            return self.getToken(PointguardRulesParser.NUMBER, 0)

        def PER(self):
            return self.getToken(PointguardRulesParser.PER, 0)

        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_capClause




    def capClause(self):

        localctx = PointguardRulesParser.CapClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 26, self.RULE_capClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 166
            self.match(PointguardRulesParser.CAP)
            self.state = 167
            self.match(PointguardRulesParser.NUMBER)
            self.state = 168
            self.match(PointguardRulesParser.PER)
            self.state = 169
            localctx.period = self.match(PointguardRulesParser.NAME)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class RoundClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.rounding = None # Token

        def ROUND(self):
            return self.getToken(PointguardRulesParser.ROUND, 0)

        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_roundClause




    def roundClause(self):

        localctx = PointguardRulesParser.RoundClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 28, self.RULE_roundClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 171
            self.match(PointguardRulesParser.ROUND)
            self.state = 172
            localctx.rounding = self.match(PointguardRulesParser.NAME)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class PendingClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.unit = None # Token

        def PENDING(self):
            return self.getToken(PointguardRulesParser.PENDING, 0)

        def NUMBER(self):
            return self.getToken(PointguardRulesParser.NUMBER, 0)

        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_pendingClause




    def pendingClause(self):

        localctx = PointguardRulesParser.PendingClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 30, self.RULE_pendingClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 174
            self.match(PointguardRulesParser.PENDING)
            self.state = 175
            self.match(PointguardRulesParser.NUMBER)
            self.state = 176
            localctx.unit = self.match(PointguardRulesParser.NAME)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ExpireClauseContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.unit = None # Token
            self.period = None # Token

        def EXPIRE(self):
            return self.getToken(PointguardRulesParser.EXPIRE, 0)

        def AFTER(self):
            return self.getToken(PointguardRulesParser.AFTER, 0)

        def NUMBER(self):
            return self.getToken(PointguardRulesParser.NUMBER, 0)

        def AT(self):
            return self.getToken(PointguardRulesParser.AT, 0)

        def END(self):
            return self.getToken(PointguardRulesParser.END, 0)

        def OF(self):
            return self.getToken(PointguardRulesParser.OF, 0)

        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_expireClause




    def expireClause(self):

        localctx = PointguardRulesParser.ExpireClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 32, self.RULE_expireClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 178
            self.match(PointguardRulesParser.EXPIRE)
            self.state = 186
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [21]:
                self.state = 179
                self.match(PointguardRulesParser.AFTER)
                self.state = 180
                self.match(PointguardRulesParser.NUMBER)
                self.state = 181
                localctx.unit = self.match(PointguardRulesParser.NAME)
                pass
            elif token in [22]:
                self.state = 182
                self.match(PointguardRulesParser.AT)
                self.state = 183
                self.match(PointguardRulesParser.END)
                self.state = 184
                self.match(PointguardRulesParser.OF)
                self.state = 185
                localctx.period = self.match(PointguardRulesParser.NAME)
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ExpressionContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def disjunction(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.DisjunctionContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.DisjunctionContext,i)


        def IF(self):
            return self.getToken(PointguardRulesParser.IF, 0)

        def ELSE(self):
            return self.getToken(PointguardRulesParser.ELSE, 0)

        def expression(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_expression




    def expression(self):

        localctx = PointguardRulesParser.ExpressionContext(self, self._ctx, self.state)
        self.enterRule(localctx, 34, self.RULE_expression)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 188
            self.disjunction()
            self.state = 194
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if _la==24:
                self.state = 189
                self.match(PointguardRulesParser.IF)
                self.state = 190
                self.disjunction()
                self.state = 191
                self.match(PointguardRulesParser.ELSE)
                self.state = 192
                self.expression()


        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class DisjunctionContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def conjunction(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.ConjunctionContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.ConjunctionContext,i)


        def OR(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.OR)
            else:
                return self.getToken(PointguardRulesParser.OR, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_disjunction




    def disjunction(self):

        localctx = PointguardRulesParser.DisjunctionContext(self, self._ctx, self.state)
        self.enterRule(localctx, 36, self.RULE_disjunction)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 196
            self.conjunction()
            self.state = 201
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==27:
                self.state = 197
                self.match(PointguardRulesParser.OR)
                self.state = 198
                self.conjunction()
                self.state = 203
                self._errHandler.sync(self)
                _la = self._input.LA(1)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ConjunctionContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def negation(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.NegationContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.NegationContext,i)


        def AND(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.AND)
            else:
                return self.getToken(PointguardRulesParser.AND, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_conjunction




    def conjunction(self):

        localctx = PointguardRulesParser.ConjunctionContext(self, self._ctx, self.state)
        self.enterRule(localctx, 38, self.RULE_conjunction)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 204
            self.negation()
            self.state = 209
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==26:
                self.state = 205
                self.match(PointguardRulesParser.AND)
                self.state = 206
                self.negation()
                self.state = 211
                self._errHandler.sync(self)
                _la = self._input.LA(1)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class NegationContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def NOT(self):
            return self.getToken(PointguardRulesParser.NOT, 0)

        def negation(self):
            return self.getTypedRuleContext(PointguardRulesParser.NegationContext,0)


        def comparison(self):
            return self.getTypedRuleContext(PointguardRulesParser.ComparisonContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_negation




    def negation(self):

        localctx = PointguardRulesParser.NegationContext(self, self._ctx, self.state)
        self.enterRule(localctx, 40, self.RULE_negation)
        try:
            self.state = 215
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [28]:
                self.enterOuterAlt(localctx, 1)
                self.state = 212
                self.match(PointguardRulesParser.NOT)
                self.state = 213
                self.negation()
                pass
            elif token in [31, 32, 33, 42, 46, 50, 51, 52, 53]:
                self.enterOuterAlt(localctx, 2)
                self.state = 214
                self.comparison()
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ComparisonContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def additive(self):
            return self.getTypedRuleContext(PointguardRulesParser.AdditiveContext,0)


        def comparisonTail(self):
            return self.getTypedRuleContext(PointguardRulesParser.ComparisonTailContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_comparison




    def comparison(self):

        localctx = PointguardRulesParser.ComparisonContext(self, self._ctx, self.state)
        self.enterRule(localctx, 42, self.RULE_comparison)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 217
            self.additive()
            self.state = 219
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if (((_la) & ~0x3f) == 0 and ((1 << _la) & 1084210806784) != 0):
                self.state = 218
                self.comparisonTail()


        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ComparisonTailContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser
            self.operator = None # Token
            self.pattern = None # Token

        def additive(self):
            return self.getTypedRuleContext(PointguardRulesParser.AdditiveContext,0)


        def EQUAL(self):
            return self.getToken(PointguardRulesParser.EQUAL, 0)

        def NOT_EQUAL(self):
            return self.getToken(PointguardRulesParser.NOT_EQUAL, 0)

        def LESS(self):
            return self.getToken(PointguardRulesParser.LESS, 0)

        def LESS_EQUAL(self):
            return self.getToken(PointguardRulesParser.LESS_EQUAL, 0)

        def GREATER(self):
            return self.getToken(PointguardRulesParser.GREATER, 0)

        def GREATER_EQUAL(self):
            return self.getToken(PointguardRulesParser.GREATER_EQUAL, 0)

        def IN(self):
            return self.getToken(PointguardRulesParser.IN, 0)

        def collection(self):
            return self.getTypedRuleContext(PointguardRulesParser.CollectionContext,0)


        def MATCHES(self):
            return self.getToken(PointguardRulesParser.MATCHES, 0)

        def NOT(self):
            return self.getToken(PointguardRulesParser.NOT, 0)

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_comparisonTail




    def comparisonTail(self):

        localctx = PointguardRulesParser.ComparisonTailContext(self, self._ctx, self.state)
        self.enterRule(localctx, 44, self.RULE_comparisonTail)
        self._la = 0 # Token type
        try:
            self.state = 232
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [34, 35, 36, 37, 38, 39]:
                self.enterOuterAlt(localctx, 1)
                self.state = 221
                localctx.operator = self._input.LT(1)
                _la = self._input.LA(1)
                if not((((_la) & ~0x3f) == 0 and ((1 << _la) & 1082331758592) != 0)):
                    localctx.operator = self._errHandler.recoverInline(self)
                else:
                    self._errHandler.reportMatch(self)
                    self.consume()
                self.state = 222
                self.additive()
                pass
            elif token in [28, 29, 30]:
                self.enterOuterAlt(localctx, 2)
                self.state = 224
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                if _la==28:
                    self.state = 223
                    self.match(PointguardRulesParser.NOT)


                self.state = 230
                self._errHandler.sync(self)
                token = self._input.LA(1)
                if token in [29]:
                    self.state = 226
                    self.match(PointguardRulesParser.IN)
                    self.state = 227
                    self.collection()
                    pass
                elif token in [30]:
                    self.state = 228
                    self.match(PointguardRulesParser.MATCHES)
                    self.state = 229
                    localctx.pattern = self.match(PointguardRulesParser.TEXT)
                    pass
                else:
                    raise NoViableAltException(self)

                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class CollectionContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def LEFT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.LEFT_PARENTHESIS, 0)

        def literal(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.LiteralContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.LiteralContext,i)


        def RIGHT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.RIGHT_PARENTHESIS, 0)

        def COMMA(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.COMMA)
            else:
                return self.getToken(PointguardRulesParser.COMMA, i)

        def NAME(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.NAME)
            else:
                return self.getToken(PointguardRulesParser.NAME, i)

        def DOT(self):
            return self.getToken(PointguardRulesParser.DOT, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_collection




    def collection(self):

        localctx = PointguardRulesParser.CollectionContext(self, self._ctx, self.state)
        self.enterRule(localctx, 46, self.RULE_collection)
        self._la = 0 # Token type
        try:
            self.state = 250
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [46]:
                self.enterOuterAlt(localctx, 1)
                self.state = 234
                self.match(PointguardRulesParser.LEFT_PARENTHESIS)
                self.state = 235
                self.literal()
                self.state = 240
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                while _la==48:
                    self.state = 236
                    self.match(PointguardRulesParser.COMMA)
                    self.state = 237
                    self.literal()
                    self.state = 242
                    self._errHandler.sync(self)
                    _la = self._input.LA(1)

                self.state = 243
                self.match(PointguardRulesParser.RIGHT_PARENTHESIS)
                pass
            elif token in [52]:
                self.enterOuterAlt(localctx, 2)
                self.state = 245
                self.match(PointguardRulesParser.NAME)
                self.state = 248
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                if _la==49:
                    self.state = 246
                    self.match(PointguardRulesParser.DOT)
                    self.state = 247
                    self.match(PointguardRulesParser.NAME)


                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class AdditiveContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def multiplicative(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.MultiplicativeContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.MultiplicativeContext,i)


        def PLUS(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.PLUS)
            else:
                return self.getToken(PointguardRulesParser.PLUS, i)

        def MINUS(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.MINUS)
            else:
                return self.getToken(PointguardRulesParser.MINUS, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_additive




    def additive(self):

        localctx = PointguardRulesParser.AdditiveContext(self, self._ctx, self.state)
        self.enterRule(localctx, 48, self.RULE_additive)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 252
            self.multiplicative()
            self.state = 257
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==41 or _la==42:
                self.state = 253
                _la = self._input.LA(1)
                if not(_la==41 or _la==42):
                    self._errHandler.recoverInline(self)
                else:
                    self._errHandler.reportMatch(self)
                    self.consume()
                self.state = 254
                self.multiplicative()
                self.state = 259
                self._errHandler.sync(self)
                _la = self._input.LA(1)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class MultiplicativeContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def signed(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.SignedContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.SignedContext,i)


        def STAR(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.STAR)
            else:
                return self.getToken(PointguardRulesParser.STAR, i)

        def SLASH(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.SLASH)
            else:
                return self.getToken(PointguardRulesParser.SLASH, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_multiplicative




    def multiplicative(self):

        localctx = PointguardRulesParser.MultiplicativeContext(self, self._ctx, self.state)
        self.enterRule(localctx, 50, self.RULE_multiplicative)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 260
            self.signed()
            self.state = 265
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==43 or _la==44:
                self.state = 261
                _la = self._input.LA(1)
                if not(_la==43 or _la==44):
                    self._errHandler.recoverInline(self)
                else:
                    self._errHandler.reportMatch(self)
                    self.consume()
                self.state = 262
                self.signed()
                self.state = 267
                self._errHandler.sync(self)
                _la = self._input.LA(1)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class SignedContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def MINUS(self):
            return self.getToken(PointguardRulesParser.MINUS, 0)

        def signed(self):
            return self.getTypedRuleContext(PointguardRulesParser.SignedContext,0)


        def primary(self):
            return self.getTypedRuleContext(PointguardRulesParser.PrimaryContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_signed




    def signed(self):

        localctx = PointguardRulesParser.SignedContext(self, self._ctx, self.state)
        self.enterRule(localctx, 52, self.RULE_signed)
        try:
            self.state = 271
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [42]:
                self.enterOuterAlt(localctx, 1)
                self.state = 268
                self.match(PointguardRulesParser.MINUS)
                self.state = 269
                self.signed()
                pass
            elif token in [31, 32, 33, 46, 50, 51, 52, 53]:
                self.enterOuterAlt(localctx, 2)
                self.state = 270
                self.primary()
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class PrimaryContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def quantity(self):
            return self.getTypedRuleContext(PointguardRulesParser.QuantityContext,0)


        def DATE(self):
            return self.getToken(PointguardRulesParser.DATE, 0)

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def TRUE(self):
            return self.getToken(PointguardRulesParser.TRUE, 0)

        def FALSE(self):
            return self.getToken(PointguardRulesParser.FALSE, 0)

        def THIS(self):
            return self.getToken(PointguardRulesParser.THIS, 0)

        def NAME(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.NAME)
            else:
                return self.getToken(PointguardRulesParser.NAME, i)

        def DOT(self):
            return self.getToken(PointguardRulesParser.DOT, 0)

        def arguments(self):
            return self.getTypedRuleContext(PointguardRulesParser.ArgumentsContext,0)


        def LEFT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.LEFT_PARENTHESIS, 0)

        def expression(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,0)


        def RIGHT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.RIGHT_PARENTHESIS, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_primary




    def primary(self):

        localctx = PointguardRulesParser.PrimaryContext(self, self._ctx, self.state)
        self.enterRule(localctx, 54, self.RULE_primary)
        try:
            self.state = 290
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [51]:
                self.enterOuterAlt(localctx, 1)
                self.state = 273
                self.quantity()
                pass
            elif token in [50]:
                self.enterOuterAlt(localctx, 2)
                self.state = 274
                self.match(PointguardRulesParser.DATE)
                pass
            elif token in [53]:
                self.enterOuterAlt(localctx, 3)
                self.state = 275
                self.match(PointguardRulesParser.TEXT)
                pass
            elif token in [32]:
                self.enterOuterAlt(localctx, 4)
                self.state = 276
                self.match(PointguardRulesParser.TRUE)
                pass
            elif token in [33]:
                self.enterOuterAlt(localctx, 5)
                self.state = 277
                self.match(PointguardRulesParser.FALSE)
                pass
            elif token in [31]:
                self.enterOuterAlt(localctx, 6)
                self.state = 278
                self.match(PointguardRulesParser.THIS)
                self.state = 279
                self.match(PointguardRulesParser.NAME)
                pass
            elif token in [52]:
                self.enterOuterAlt(localctx, 7)
                self.state = 280
                self.match(PointguardRulesParser.NAME)
                self.state = 284
                self._errHandler.sync(self)
                token = self._input.LA(1)
                if token in [49]:
                    self.state = 281
                    self.match(PointguardRulesParser.DOT)
                    self.state = 282
                    self.match(PointguardRulesParser.NAME)
                    pass
                elif token in [46]:
                    self.state = 283
                    self.arguments()
                    pass
                elif token in [-1, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 24, 25, 26, 27, 28, 29, 30, 34, 35, 36, 37, 38, 39, 41, 42, 43, 44, 47, 48]:
                    pass
                else:
                    pass
                pass
            elif token in [46]:
                self.enterOuterAlt(localctx, 8)
                self.state = 286
                self.match(PointguardRulesParser.LEFT_PARENTHESIS)
                self.state = 287
                self.expression()
                self.state = 288
                self.match(PointguardRulesParser.RIGHT_PARENTHESIS)
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ArgumentsContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def LEFT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.LEFT_PARENTHESIS, 0)

        def RIGHT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.RIGHT_PARENTHESIS, 0)

        def argument(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.ArgumentContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.ArgumentContext,i)


        def COMMA(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.COMMA)
            else:
                return self.getToken(PointguardRulesParser.COMMA, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_arguments




    def arguments(self):

        localctx = PointguardRulesParser.ArgumentsContext(self, self._ctx, self.state)
        self.enterRule(localctx, 56, self.RULE_arguments)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 292
            self.match(PointguardRulesParser.LEFT_PARENTHESIS)
            self.state = 301
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if (((_la) & ~0x3f) == 0 and ((1 << _la) & 16963280694149120) != 0):
                self.state = 293
                self.argument()
                self.state = 298
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                while _la==48:
                    self.state = 294
                    self.match(PointguardRulesParser.COMMA)
                    self.state = 295
                    self.argument()
                    self.state = 300
                    self._errHandler.sync(self)
                    _la = self._input.LA(1)



            self.state = 303
            self.match(PointguardRulesParser.RIGHT_PARENTHESIS)
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class ArgumentContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def expression(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.ExpressionContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,i)


        def WHERE(self):
            return self.getToken(PointguardRulesParser.WHERE, 0)

        def OF(self):
            return self.getToken(PointguardRulesParser.OF, 0)

        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_argument




    def argument(self):

        localctx = PointguardRulesParser.ArgumentContext(self, self._ctx, self.state)
        self.enterRule(localctx, 58, self.RULE_argument)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 305
            self.expression()
            self.state = 310
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [14]:
                self.state = 306
                self.match(PointguardRulesParser.WHERE)
                self.state = 307
                self.expression()
                pass
            elif token in [10]:
                self.state = 308
                self.match(PointguardRulesParser.OF)
                self.state = 309
                self.match(PointguardRulesParser.NAME)
                pass
            elif token in [47, 48]:
                pass
            else:
                pass
        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class LiteralContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def DATE(self):
            return self.getToken(PointguardRulesParser.DATE, 0)

        def quantity(self):
            return self.getTypedRuleContext(PointguardRulesParser.QuantityContext,0)


        def MINUS(self):
            return self.getToken(PointguardRulesParser.MINUS, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_literal




    def literal(self):

        localctx = PointguardRulesParser.LiteralContext(self, self._ctx, self.state)
        self.enterRule(localctx, 60, self.RULE_literal)
        self._la = 0 # Token type
        try:
            self.state = 318
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [53]:
                self.enterOuterAlt(localctx, 1)
                self.state = 312
                self.match(PointguardRulesParser.TEXT)
                pass
            elif token in [50]:
                self.enterOuterAlt(localctx, 2)
                self.state = 313
                self.match(PointguardRulesParser.DATE)
                pass
            elif token in [42, 51]:
                self.enterOuterAlt(localctx, 3)
                self.state = 315
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                if _la==42:
                    self.state = 314
                    self.match(PointguardRulesParser.MINUS)


                self.state = 317
                self.quantity()
                pass
            else:
                raise NoViableAltException(self)

        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx


    class QuantityContext(ParserRuleContext):
        __slots__ = 'parser'

        def __init__(self, parser, parent:ParserRuleContext=None, invokingState:int=-1):
            super().__init__(parent, invokingState)
            self.parser = parser

        def NUMBER(self):
            return self.getToken(PointguardRulesParser.NUMBER, 0)

        def PERCENT(self):
            return self.getToken(PointguardRulesParser.PERCENT, 0)

        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_quantity




    def quantity(self):

        localctx = PointguardRulesParser.QuantityContext(self, self._ctx, self.state)
        self.enterRule(localctx, 62, self.RULE_quantity)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 320
            self.match(PointguardRulesParser.NUMBER)
            self.state = 322
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if _la==45 or _la==52:
                self.state = 321
                _la = self._input.LA(1)
                if not(_la==45 or _la==52):
                    self._errHandler.recoverInline(self)
                else:
                    self._errHandler.reportMatch(self)
                    self.consume()


        except RecognitionException as re:
            localctx.exception = re
            self._errHandler.reportError(self, re)
            self._errHandler.recover(self, re)
        finally:
            self.exitRule()
        return localctx





