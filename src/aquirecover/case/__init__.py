"""From files to a problem."""
