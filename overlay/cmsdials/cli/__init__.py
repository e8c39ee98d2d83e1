"""The command `cmsdials`."""
