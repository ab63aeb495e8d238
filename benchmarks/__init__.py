"""Ratios between commands measured in one run; `python -m benchmarks` prints them."""
