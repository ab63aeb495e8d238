"""What a hook does when git starts it: which projects are touched, and whether their answer is known already."""
