"""The command line on the tests' small domain: `python -m tests.audit.command audit replay`."""

from audit.cli import run
from tests.runtime.keyring import COPIES, KEYRINGS

if __name__ == "__main__":
    run((KEYRINGS, COPIES))
