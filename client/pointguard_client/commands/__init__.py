"""The command line: one small file for each group of commands, each with a `register` that adds them to the parser."""
