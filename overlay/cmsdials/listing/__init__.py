"""A listing on its way: page after page, its result, and the file that keeps it. Asks the service nothing."""
