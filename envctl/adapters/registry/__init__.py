"""Image registries, straight over the distribution API v2: no engine is needed, and nothing is pulled.

``client`` asks; ``places`` knows where a registry is reached; ``access`` answers its challenges; ``logins`` reads what
``docker login`` and ``podman login`` left; ``failures`` puts into words what went wrong.
"""
