"""What every wing needs of Python and the system: interrupts, work in the background, the console, optional libraries, progress."""
