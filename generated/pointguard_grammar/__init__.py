"""The rule language's generated lexer and parser; only pointguard_server.rules.parser may import it."""
