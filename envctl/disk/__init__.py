"""What lies in an environment's folder. Standard library only: the fast path looks through this."""
