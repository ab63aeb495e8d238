"""The outside: the only code that touches processes, files, engines and drivers. Wired in ``bootstrap`` alone."""
