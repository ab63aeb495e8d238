"""A live environment, and what of it a lock proves."""
