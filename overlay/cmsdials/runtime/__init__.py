"""What every wing needs of Python and the system: interrupts, the console, optional libraries, progress."""
