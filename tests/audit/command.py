"""The command line on the tests' small domain: `python -m tests.audit.command audit replay`."""

from shuangqian.__main__ import main
from tests.runtime.keyring import COPIES, KEYRINGS

if __name__ == "__main__":
    main((KEYRINGS, COPIES))
