"""A real package index on loopback, with wheels and sdists made on the fly.

`wheels` makes the distributions; `server` serves them the way a poor index
(`mode="html"`) or a good one (`mode="json"`) would, with faults to switch on at
run time.  Nothing is imported here, so that `python -m tests.index.server` runs
a module that has not been imported already.
"""
