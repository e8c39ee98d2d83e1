"""Makes `python -m cmsdials_sandbox` start the service; see `command`."""

import sys

from cmsdials_sandbox.command import main

if __name__ == "__main__":
    sys.exit(main())
