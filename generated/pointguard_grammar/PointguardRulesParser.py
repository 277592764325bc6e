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
        4,1,33,171,2,0,7,0,2,1,7,1,2,2,7,2,2,3,7,3,2,4,7,4,2,5,7,5,2,6,7,
        6,2,7,7,7,2,8,7,8,2,9,7,9,2,10,7,10,2,11,7,11,2,12,7,12,2,13,7,13,
        2,14,7,14,2,15,7,15,2,16,7,16,1,0,5,0,36,8,0,10,0,12,0,39,9,0,1,
        0,1,0,1,1,1,1,1,1,3,1,46,8,1,1,1,1,1,3,1,50,8,1,1,2,1,2,1,2,1,3,
        1,3,1,3,1,3,1,4,1,4,1,4,1,5,1,5,1,5,1,5,1,5,1,5,3,5,68,8,5,1,6,1,
        6,1,6,5,6,73,8,6,10,6,12,6,76,9,6,1,7,1,7,1,7,5,7,81,8,7,10,7,12,
        7,84,9,7,1,8,1,8,1,8,3,8,89,8,8,1,9,1,9,3,9,93,8,9,1,10,1,10,1,10,
        3,10,98,8,10,1,10,1,10,1,10,1,10,1,10,5,10,105,8,10,10,10,12,10,
        108,9,10,1,10,1,10,3,10,112,8,10,1,11,1,11,1,11,5,11,117,8,11,10,
        11,12,11,120,9,11,1,12,1,12,1,12,5,12,125,8,12,10,12,12,12,128,9,
        12,1,13,1,13,1,13,3,13,133,8,13,1,14,1,14,1,14,1,14,1,14,1,14,1,
        14,1,14,3,14,143,8,14,1,14,1,14,1,14,1,14,3,14,149,8,14,1,15,1,15,
        1,15,1,15,5,15,155,8,15,10,15,12,15,158,9,15,3,15,160,8,15,1,15,
        1,15,1,16,1,16,3,16,166,8,16,1,16,3,16,169,8,16,1,16,0,0,17,0,2,
        4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,0,3,1,0,13,18,1,0,19,20,
        1,0,21,22,178,0,37,1,0,0,0,2,42,1,0,0,0,4,51,1,0,0,0,6,54,1,0,0,
        0,8,58,1,0,0,0,10,61,1,0,0,0,12,69,1,0,0,0,14,77,1,0,0,0,16,88,1,
        0,0,0,18,90,1,0,0,0,20,111,1,0,0,0,22,113,1,0,0,0,24,121,1,0,0,0,
        26,132,1,0,0,0,28,148,1,0,0,0,30,150,1,0,0,0,32,168,1,0,0,0,34,36,
        3,2,1,0,35,34,1,0,0,0,36,39,1,0,0,0,37,35,1,0,0,0,37,38,1,0,0,0,
        38,40,1,0,0,0,39,37,1,0,0,0,40,41,5,0,0,1,41,1,1,0,0,0,42,43,5,1,
        0,0,43,45,5,29,0,0,44,46,3,4,2,0,45,44,1,0,0,0,45,46,1,0,0,0,46,
        47,1,0,0,0,47,49,3,6,3,0,48,50,3,8,4,0,49,48,1,0,0,0,49,50,1,0,0,
        0,50,3,1,0,0,0,51,52,5,2,0,0,52,53,3,10,5,0,53,5,1,0,0,0,54,55,5,
        3,0,0,55,56,5,28,0,0,56,57,3,10,5,0,57,7,1,0,0,0,58,59,5,4,0,0,59,
        60,5,28,0,0,60,9,1,0,0,0,61,67,3,12,6,0,62,63,5,5,0,0,63,64,3,12,
        6,0,64,65,5,6,0,0,65,66,3,10,5,0,66,68,1,0,0,0,67,62,1,0,0,0,67,
        68,1,0,0,0,68,11,1,0,0,0,69,74,3,14,7,0,70,71,5,8,0,0,71,73,3,14,
        7,0,72,70,1,0,0,0,73,76,1,0,0,0,74,72,1,0,0,0,74,75,1,0,0,0,75,13,
        1,0,0,0,76,74,1,0,0,0,77,82,3,16,8,0,78,79,5,7,0,0,79,81,3,16,8,
        0,80,78,1,0,0,0,81,84,1,0,0,0,82,80,1,0,0,0,82,83,1,0,0,0,83,15,
        1,0,0,0,84,82,1,0,0,0,85,86,5,9,0,0,86,89,3,16,8,0,87,89,3,18,9,
        0,88,85,1,0,0,0,88,87,1,0,0,0,89,17,1,0,0,0,90,92,3,22,11,0,91,93,
        3,20,10,0,92,91,1,0,0,0,92,93,1,0,0,0,93,19,1,0,0,0,94,95,7,0,0,
        0,95,112,3,22,11,0,96,98,5,9,0,0,97,96,1,0,0,0,97,98,1,0,0,0,98,
        99,1,0,0,0,99,100,5,10,0,0,100,101,5,23,0,0,101,106,3,32,16,0,102,
        103,5,25,0,0,103,105,3,32,16,0,104,102,1,0,0,0,105,108,1,0,0,0,106,
        104,1,0,0,0,106,107,1,0,0,0,107,109,1,0,0,0,108,106,1,0,0,0,109,
        110,5,24,0,0,110,112,1,0,0,0,111,94,1,0,0,0,111,97,1,0,0,0,112,21,
        1,0,0,0,113,118,3,24,12,0,114,115,7,1,0,0,115,117,3,24,12,0,116,
        114,1,0,0,0,117,120,1,0,0,0,118,116,1,0,0,0,118,119,1,0,0,0,119,
        23,1,0,0,0,120,118,1,0,0,0,121,126,3,26,13,0,122,123,7,2,0,0,123,
        125,3,26,13,0,124,122,1,0,0,0,125,128,1,0,0,0,126,124,1,0,0,0,126,
        127,1,0,0,0,127,25,1,0,0,0,128,126,1,0,0,0,129,130,5,20,0,0,130,
        133,3,26,13,0,131,133,3,28,14,0,132,129,1,0,0,0,132,131,1,0,0,0,
        133,27,1,0,0,0,134,149,5,27,0,0,135,149,5,29,0,0,136,149,5,11,0,
        0,137,149,5,12,0,0,138,142,5,28,0,0,139,140,5,26,0,0,140,143,5,28,
        0,0,141,143,3,30,15,0,142,139,1,0,0,0,142,141,1,0,0,0,142,143,1,
        0,0,0,143,149,1,0,0,0,144,145,5,23,0,0,145,146,3,10,5,0,146,147,
        5,24,0,0,147,149,1,0,0,0,148,134,1,0,0,0,148,135,1,0,0,0,148,136,
        1,0,0,0,148,137,1,0,0,0,148,138,1,0,0,0,148,144,1,0,0,0,149,29,1,
        0,0,0,150,159,5,23,0,0,151,156,3,10,5,0,152,153,5,25,0,0,153,155,
        3,10,5,0,154,152,1,0,0,0,155,158,1,0,0,0,156,154,1,0,0,0,156,157,
        1,0,0,0,157,160,1,0,0,0,158,156,1,0,0,0,159,151,1,0,0,0,159,160,
        1,0,0,0,160,161,1,0,0,0,161,162,5,24,0,0,162,31,1,0,0,0,163,169,
        5,29,0,0,164,166,5,20,0,0,165,164,1,0,0,0,165,166,1,0,0,0,166,167,
        1,0,0,0,167,169,5,27,0,0,168,163,1,0,0,0,168,165,1,0,0,0,169,33,
        1,0,0,0,20,37,45,49,67,74,82,88,92,97,106,111,118,126,132,142,148,
        156,159,165,168
    ]

class PointguardRulesParser ( Parser ):

    grammarFileName = "PointguardRules.g4"

    atn = ATNDeserializer().deserialize(serializedATN())

    decisionsToDFA = [ DFA(ds, i) for i, ds in enumerate(atn.decisionToState) ]

    sharedContextCache = PredictionContextCache()

    literalNames = [ "<INVALID>", "'rule'", "'when'", "'earn'", "'round'", 
                     "'if'", "'else'", "'and'", "'or'", "'not'", "'in'", 
                     "'true'", "'false'", "'=='", "'!='", "'<='", "'>='", 
                     "'<'", "'>'", "'+'", "'-'", "'*'", "'/'", "'('", "')'", 
                     "','", "'.'" ]

    symbolicNames = [ "<INVALID>", "RULE", "WHEN", "EARN", "ROUND", "IF", 
                      "ELSE", "AND", "OR", "NOT", "IN", "TRUE", "FALSE", 
                      "EQUAL", "NOT_EQUAL", "LESS_EQUAL", "GREATER_EQUAL", 
                      "LESS", "GREATER", "PLUS", "MINUS", "STAR", "SLASH", 
                      "LEFT_PARENTHESIS", "RIGHT_PARENTHESIS", "COMMA", 
                      "DOT", "NUMBER", "NAME", "TEXT", "COMMENT", "SPACE", 
                      "UNCLOSED_TEXT", "UNEXPECTED" ]

    RULE_ruleSet = 0
    RULE_ruleDeclaration = 1
    RULE_whenClause = 2
    RULE_earnClause = 3
    RULE_roundClause = 4
    RULE_expression = 5
    RULE_disjunction = 6
    RULE_conjunction = 7
    RULE_negation = 8
    RULE_comparison = 9
    RULE_comparisonTail = 10
    RULE_additive = 11
    RULE_multiplicative = 12
    RULE_signed = 13
    RULE_primary = 14
    RULE_arguments = 15
    RULE_literal = 16

    ruleNames =  [ "ruleSet", "ruleDeclaration", "whenClause", "earnClause", 
                   "roundClause", "expression", "disjunction", "conjunction", 
                   "negation", "comparison", "comparisonTail", "additive", 
                   "multiplicative", "signed", "primary", "arguments", "literal" ]

    EOF = Token.EOF
    RULE=1
    WHEN=2
    EARN=3
    ROUND=4
    IF=5
    ELSE=6
    AND=7
    OR=8
    NOT=9
    IN=10
    TRUE=11
    FALSE=12
    EQUAL=13
    NOT_EQUAL=14
    LESS_EQUAL=15
    GREATER_EQUAL=16
    LESS=17
    GREATER=18
    PLUS=19
    MINUS=20
    STAR=21
    SLASH=22
    LEFT_PARENTHESIS=23
    RIGHT_PARENTHESIS=24
    COMMA=25
    DOT=26
    NUMBER=27
    NAME=28
    TEXT=29
    COMMENT=30
    SPACE=31
    UNCLOSED_TEXT=32
    UNEXPECTED=33

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

        def ruleDeclaration(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.RuleDeclarationContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.RuleDeclarationContext,i)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_ruleSet




    def ruleSet(self):

        localctx = PointguardRulesParser.RuleSetContext(self, self._ctx, self.state)
        self.enterRule(localctx, 0, self.RULE_ruleSet)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 37
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==1:
                self.state = 34
                self.ruleDeclaration()
                self.state = 39
                self._errHandler.sync(self)
                _la = self._input.LA(1)

            self.state = 40
            self.match(PointguardRulesParser.EOF)
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

        def earnClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.EarnClauseContext,0)


        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def whenClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.WhenClauseContext,0)


        def roundClause(self):
            return self.getTypedRuleContext(PointguardRulesParser.RoundClauseContext,0)


        def getRuleIndex(self):
            return PointguardRulesParser.RULE_ruleDeclaration




    def ruleDeclaration(self):

        localctx = PointguardRulesParser.RuleDeclarationContext(self, self._ctx, self.state)
        self.enterRule(localctx, 2, self.RULE_ruleDeclaration)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 42
            self.match(PointguardRulesParser.RULE)
            self.state = 43
            localctx.name = self.match(PointguardRulesParser.TEXT)
            self.state = 45
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if _la==2:
                self.state = 44
                self.whenClause()


            self.state = 47
            self.earnClause()
            self.state = 49
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if _la==4:
                self.state = 48
                self.roundClause()


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
        self.enterRule(localctx, 4, self.RULE_whenClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 51
            self.match(PointguardRulesParser.WHEN)
            self.state = 52
            self.expression()
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

        def expression(self):
            return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,0)


        def NAME(self):
            return self.getToken(PointguardRulesParser.NAME, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_earnClause




    def earnClause(self):

        localctx = PointguardRulesParser.EarnClauseContext(self, self._ctx, self.state)
        self.enterRule(localctx, 6, self.RULE_earnClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 54
            self.match(PointguardRulesParser.EARN)
            self.state = 55
            localctx.part = self.match(PointguardRulesParser.NAME)
            self.state = 56
            self.expression()
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
        self.enterRule(localctx, 8, self.RULE_roundClause)
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 58
            self.match(PointguardRulesParser.ROUND)
            self.state = 59
            localctx.rounding = self.match(PointguardRulesParser.NAME)
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
        self.enterRule(localctx, 10, self.RULE_expression)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 61
            self.disjunction()
            self.state = 67
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if _la==5:
                self.state = 62
                self.match(PointguardRulesParser.IF)
                self.state = 63
                self.disjunction()
                self.state = 64
                self.match(PointguardRulesParser.ELSE)
                self.state = 65
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
        self.enterRule(localctx, 12, self.RULE_disjunction)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 69
            self.conjunction()
            self.state = 74
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==8:
                self.state = 70
                self.match(PointguardRulesParser.OR)
                self.state = 71
                self.conjunction()
                self.state = 76
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
        self.enterRule(localctx, 14, self.RULE_conjunction)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 77
            self.negation()
            self.state = 82
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==7:
                self.state = 78
                self.match(PointguardRulesParser.AND)
                self.state = 79
                self.negation()
                self.state = 84
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
        self.enterRule(localctx, 16, self.RULE_negation)
        try:
            self.state = 88
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [9]:
                self.enterOuterAlt(localctx, 1)
                self.state = 85
                self.match(PointguardRulesParser.NOT)
                self.state = 86
                self.negation()
                pass
            elif token in [11, 12, 20, 23, 27, 28, 29]:
                self.enterOuterAlt(localctx, 2)
                self.state = 87
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
        self.enterRule(localctx, 18, self.RULE_comparison)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 90
            self.additive()
            self.state = 92
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if (((_la) & ~0x3f) == 0 and ((1 << _la) & 517632) != 0):
                self.state = 91
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

        def LEFT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.LEFT_PARENTHESIS, 0)

        def literal(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.LiteralContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.LiteralContext,i)


        def RIGHT_PARENTHESIS(self):
            return self.getToken(PointguardRulesParser.RIGHT_PARENTHESIS, 0)

        def NOT(self):
            return self.getToken(PointguardRulesParser.NOT, 0)

        def COMMA(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.COMMA)
            else:
                return self.getToken(PointguardRulesParser.COMMA, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_comparisonTail




    def comparisonTail(self):

        localctx = PointguardRulesParser.ComparisonTailContext(self, self._ctx, self.state)
        self.enterRule(localctx, 20, self.RULE_comparisonTail)
        self._la = 0 # Token type
        try:
            self.state = 111
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [13, 14, 15, 16, 17, 18]:
                self.enterOuterAlt(localctx, 1)
                self.state = 94
                localctx.operator = self._input.LT(1)
                _la = self._input.LA(1)
                if not((((_la) & ~0x3f) == 0 and ((1 << _la) & 516096) != 0)):
                    localctx.operator = self._errHandler.recoverInline(self)
                else:
                    self._errHandler.reportMatch(self)
                    self.consume()
                self.state = 95
                self.additive()
                pass
            elif token in [9, 10]:
                self.enterOuterAlt(localctx, 2)
                self.state = 97
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                if _la==9:
                    self.state = 96
                    self.match(PointguardRulesParser.NOT)


                self.state = 99
                self.match(PointguardRulesParser.IN)
                self.state = 100
                self.match(PointguardRulesParser.LEFT_PARENTHESIS)
                self.state = 101
                self.literal()
                self.state = 106
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                while _la==25:
                    self.state = 102
                    self.match(PointguardRulesParser.COMMA)
                    self.state = 103
                    self.literal()
                    self.state = 108
                    self._errHandler.sync(self)
                    _la = self._input.LA(1)

                self.state = 109
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
        self.enterRule(localctx, 22, self.RULE_additive)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 113
            self.multiplicative()
            self.state = 118
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==19 or _la==20:
                self.state = 114
                _la = self._input.LA(1)
                if not(_la==19 or _la==20):
                    self._errHandler.recoverInline(self)
                else:
                    self._errHandler.reportMatch(self)
                    self.consume()
                self.state = 115
                self.multiplicative()
                self.state = 120
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
        self.enterRule(localctx, 24, self.RULE_multiplicative)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 121
            self.signed()
            self.state = 126
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            while _la==21 or _la==22:
                self.state = 122
                _la = self._input.LA(1)
                if not(_la==21 or _la==22):
                    self._errHandler.recoverInline(self)
                else:
                    self._errHandler.reportMatch(self)
                    self.consume()
                self.state = 123
                self.signed()
                self.state = 128
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
        self.enterRule(localctx, 26, self.RULE_signed)
        try:
            self.state = 132
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [20]:
                self.enterOuterAlt(localctx, 1)
                self.state = 129
                self.match(PointguardRulesParser.MINUS)
                self.state = 130
                self.signed()
                pass
            elif token in [11, 12, 23, 27, 28, 29]:
                self.enterOuterAlt(localctx, 2)
                self.state = 131
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

        def NUMBER(self):
            return self.getToken(PointguardRulesParser.NUMBER, 0)

        def TEXT(self):
            return self.getToken(PointguardRulesParser.TEXT, 0)

        def TRUE(self):
            return self.getToken(PointguardRulesParser.TRUE, 0)

        def FALSE(self):
            return self.getToken(PointguardRulesParser.FALSE, 0)

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
        self.enterRule(localctx, 28, self.RULE_primary)
        try:
            self.state = 148
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [27]:
                self.enterOuterAlt(localctx, 1)
                self.state = 134
                self.match(PointguardRulesParser.NUMBER)
                pass
            elif token in [29]:
                self.enterOuterAlt(localctx, 2)
                self.state = 135
                self.match(PointguardRulesParser.TEXT)
                pass
            elif token in [11]:
                self.enterOuterAlt(localctx, 3)
                self.state = 136
                self.match(PointguardRulesParser.TRUE)
                pass
            elif token in [12]:
                self.enterOuterAlt(localctx, 4)
                self.state = 137
                self.match(PointguardRulesParser.FALSE)
                pass
            elif token in [28]:
                self.enterOuterAlt(localctx, 5)
                self.state = 138
                self.match(PointguardRulesParser.NAME)
                self.state = 142
                self._errHandler.sync(self)
                token = self._input.LA(1)
                if token in [26]:
                    self.state = 139
                    self.match(PointguardRulesParser.DOT)
                    self.state = 140
                    self.match(PointguardRulesParser.NAME)
                    pass
                elif token in [23]:
                    self.state = 141
                    self.arguments()
                    pass
                elif token in [-1, 1, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24, 25]:
                    pass
                else:
                    pass
                pass
            elif token in [23]:
                self.enterOuterAlt(localctx, 6)
                self.state = 144
                self.match(PointguardRulesParser.LEFT_PARENTHESIS)
                self.state = 145
                self.expression()
                self.state = 146
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

        def expression(self, i:int=None):
            if i is None:
                return self.getTypedRuleContexts(PointguardRulesParser.ExpressionContext)
            else:
                return self.getTypedRuleContext(PointguardRulesParser.ExpressionContext,i)


        def COMMA(self, i:int=None):
            if i is None:
                return self.getTokens(PointguardRulesParser.COMMA)
            else:
                return self.getToken(PointguardRulesParser.COMMA, i)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_arguments




    def arguments(self):

        localctx = PointguardRulesParser.ArgumentsContext(self, self._ctx, self.state)
        self.enterRule(localctx, 30, self.RULE_arguments)
        self._la = 0 # Token type
        try:
            self.enterOuterAlt(localctx, 1)
            self.state = 150
            self.match(PointguardRulesParser.LEFT_PARENTHESIS)
            self.state = 159
            self._errHandler.sync(self)
            _la = self._input.LA(1)
            if (((_la) & ~0x3f) == 0 and ((1 << _la) & 948967936) != 0):
                self.state = 151
                self.expression()
                self.state = 156
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                while _la==25:
                    self.state = 152
                    self.match(PointguardRulesParser.COMMA)
                    self.state = 153
                    self.expression()
                    self.state = 158
                    self._errHandler.sync(self)
                    _la = self._input.LA(1)



            self.state = 161
            self.match(PointguardRulesParser.RIGHT_PARENTHESIS)
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

        def NUMBER(self):
            return self.getToken(PointguardRulesParser.NUMBER, 0)

        def MINUS(self):
            return self.getToken(PointguardRulesParser.MINUS, 0)

        def getRuleIndex(self):
            return PointguardRulesParser.RULE_literal




    def literal(self):

        localctx = PointguardRulesParser.LiteralContext(self, self._ctx, self.state)
        self.enterRule(localctx, 32, self.RULE_literal)
        self._la = 0 # Token type
        try:
            self.state = 168
            self._errHandler.sync(self)
            token = self._input.LA(1)
            if token in [29]:
                self.enterOuterAlt(localctx, 1)
                self.state = 163
                self.match(PointguardRulesParser.TEXT)
                pass
            elif token in [20, 27]:
                self.enterOuterAlt(localctx, 2)
                self.state = 165
                self._errHandler.sync(self)
                _la = self._input.LA(1)
                if _la==20:
                    self.state = 164
                    self.match(PointguardRulesParser.MINUS)


                self.state = 167
                self.match(PointguardRulesParser.NUMBER)
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





