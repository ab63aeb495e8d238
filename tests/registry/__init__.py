"""Real image registries for the tests: Debian's ``docker-registry``, its logins and tokens, and images made by hand."""
