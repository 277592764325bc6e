"""The earn-rule language: from a rule set's text to compiled code.

The way of a rule set, one file each:

    source_limits   refuses hostile text before any parser sees it
    parser          text → syntax (the only file that knows ANTLR)
    syntax          the frozen tree as it was written, every node with its source range
    formatter       syntax → the one canonical text (``expression_layout``)
    checker         syntax → checked: names resolved, types proved, every problem reported at once (``scope``,
                    ``rule_checker``, ``expression_checker``, ``text_checker``, ``call_checker``)
    checked         the frozen tree that means something: what back ends read
    cost            what it takes at worst; over the budget it is refused
    interpreter     the reference back end, on Python integers; its ``trace`` shows every step
    native_backend  the hot back end: writes a module for LLVM (``native_functions``, ``native_arithmetic.ll``)
    compiler        has that module compiled in a child process (``compiling``) and loads the machine code
    rule_set        the front door: ``load_rule_set``

The tables: ``fields`` (what a rule may read), ``inputs`` (what a rule set asks for beside them), ``functions`` (what it
may call), ``value_types``. The arithmetic: ``fixed_point``, and what each back end has beside it.

The engine may use ``rule_set``, ``fields``, ``inputs``, ``constants``, ``work_layout``, ``compiler``, ``interpreter``,
``outcome``, ``trace``, ``named_inputs``, ``native_call`` and the statuses of ``fixed_point``.
"""
