"""What a run rests on, and what could explain that two runs gave different results."""
