"""A repository as a hook sees it: its folder of hooks, its configuration, and what is staged in it."""
