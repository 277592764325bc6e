"""The command `pointguard-rules`: rule sets as plain files in a folder in git, checked, formatted, tested and pushed.

It stands beside the client and the server because it needs a part of each: the rule language of the one, offline, and
the calls of the other to push. Neither imports it. See docs/rule-files.md.
"""
