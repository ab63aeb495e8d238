"""envctl: one environment, the same everywhere."""

__version__ = "0.1.0"
