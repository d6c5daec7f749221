"""The exit codes. They are part of the contract with scripts: docs/cli.md."""

from web import shell

TAKEN_IN = 0
SOME_REFUSED = 1
NOT_RIGHT = 2  # the command line, or a file
KEY_REFUSED = 3  # or nobody is signed in
UNREACHABLE = 4
SERVER_FAILED = 5
INTERRUPTED = 130
UNREAD = shell.UNREAD  # whoever reads the data has gone
