"""Does a built image hold what the lock's slice says, and nothing that comes before it or beside it?

Nothing that the image says about itself is believed: not its RECORDs, not its preflight nor the fingerprint beside
that, not its labels. ``packages`` looks at the environment, ``python`` at the interpreter behind it, ``starting`` at
how it is started, ``below`` at what lies on its base image, ``leftovers`` at secrets and caches.
"""
