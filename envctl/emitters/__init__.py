"""Domain → text: pure functions; same input, same bytes."""
