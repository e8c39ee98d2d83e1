"""Entry point of `python -m cmsdials_generator`."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
