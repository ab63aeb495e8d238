"""Text that others wrote, read into frozen records: pure, no I/O."""
