"""The file that describes a run, for whoever logs its results: standard library only, as ``launch`` is."""
