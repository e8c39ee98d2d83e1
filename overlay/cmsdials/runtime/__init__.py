"""What all packages share: interrupts, work in the background, the console, optional libraries, progress."""
