"""``setup.cfg`` and ``setup.py``: read, never run."""
