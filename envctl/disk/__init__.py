"""What lies in an environment's folder, and what files tell of a machine. Standard library only: for the fast path."""
