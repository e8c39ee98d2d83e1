"""`python -m cmsdials`, and the command `cmsdials`."""

from cmsdials.cli.entry import main

if __name__ == "__main__":
    main()
