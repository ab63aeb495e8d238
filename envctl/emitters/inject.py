"""``_envctl.pth``: through it an interpreter that was started directly has the declared variables.

``site`` executes each line of a ``.pth`` file that begins with ``import`` (Python documentation, "site"), in every
Python up to 3.17; PEP 829 then wants a ``.start`` file beside it. The line is one expression that cannot fail: what it
raised would be printed at each start. It is ASCII, since Pythons differ in the encoding that they read it in, and has
the values as bytes, so that no locale changes them. It imports nothing that is not loaded already.
"""

import hashlib
from collections.abc import Iterable

from envctl.domain.environment.activation import Activation, Assignment
from envctl.domain.variables import SCHEDULER_JOBS

NAME = "_envctl.pth"
MARK = "_ENVCTL_INJECTED"
"""Set with the variables: a child process does nothing, so that what its parent has changed since stays."""

_ABOUT = (
    "# The project's variables for a Python that is started directly; written by `envctl sync`.\n"
)
# Whoever came in through envctl has the variables, and may have changed them since: VIRTUAL_ENV is then the real
# path of this environment. Tools such as uv set it to the link `.venv`. Compared only when it is absolute: the
# working folder may be gone.
_CODE = (
    "import os, sys; (lambda os, env, here, mark, always, host, devices, jobs: "
    "env.get({name!a}) == mark"
    " or (env.get(b'VIRTUAL_ENV', b'')[:1] == here[:1] == b'/'"
    " and not os.path.islink(env[b'VIRTUAL_ENV'])"
    " and os.path.realpath(env[b'VIRTUAL_ENV']) == os.path.realpath(here))"
    " or env.update({{**{{k: v for k, v in"
    " (host if any(j in env for j in jobs) else {{**host, **devices}}).items() if k not in env}},"
    " **always, {name!a}: mark}})"
    ")(os, os.environb, os.fsencode(sys.prefix), {mark!a}, {always!a}, {host!a}, {devices!a}, {jobs!a})\n"
)
# Read before any Python code runs: by the interpreter (CPython 3.14, "Environment variables"), by the dynamic
# linker (ld.so(8)), by the C library (mallopt(3), setlocale(3), tzset(3)).
_LATE_NAMES = """
GLIBC_TUNABLES LANG LANGUAGE LC_ALL LC_CTYPE TZ
PYTHONCASEOK PYTHONCOERCECLOCALE PYTHONDEBUG PYTHONDEVMODE PYTHONDONTWRITEBYTECODE PYTHONDUMPREFS PYTHONEXECUTABLE
PYTHONFAULTHANDLER PYTHONHASHSEED PYTHONINTMAXSTRDIGITS PYTHONIOENCODING PYTHONMALLOC PYTHONMALLOCSTATS
PYTHONNODEBUGRANGES PYTHONNOUSERSITE PYTHONOPTIMIZE PYTHONPATH PYTHONPERFSUPPORT PYTHONPLATLIBDIR
PYTHONPROFILEIMPORTTIME PYTHONPYCACHEPREFIX PYTHONSAFEPATH PYTHONTRACEMALLOC PYTHONUNBUFFERED PYTHONUSERBASE
PYTHONUTF8 PYTHONVERBOSE PYTHONWARNDEFAULTENCODING PYTHONWARNINGS PYTHON_CONTEXT_AWARE_WARNINGS PYTHON_CPU_COUNT
PYTHON_DISABLE_REMOTE_DEBUG PYTHON_FROZEN_MODULES PYTHON_GIL PYTHON_JIT PYTHON_PERF_JIT_SUPPORT PYTHON_PRESITE
PYTHON_THREAD_INHERIT_CONTEXT PYTHON_TLBC
"""
_LATE = frozenset(_LATE_NAMES.split())
_LATE_PREFIXES = ("LD_", "DYLD_", "MALLOC_")


def text(activation: Activation) -> str:
    """Return the file's text, ASCII; variables that may stand in no file are not in it.

    As for ``envctl run``: a host variable is set where the caller has none, a scheduler's device variables only
    outside its jobs, every other variable always.
    """
    public = activation.public()
    always = _values(each for each in public if not each.host)
    host = _values(each for each in public if each.host and not each.scheduled)
    devices = _values(each for each in public if each.host and each.scheduled)
    mark = hashlib.sha256(repr((activation.environment, always, host, devices)).encode(*_BYTES))
    return _ABOUT + _CODE.format(
        name=MARK.encode(),
        mark=mark.hexdigest()[:32].encode(),
        always=always,
        host=host,
        devices=devices,
        jobs=tuple(job.encode() for job in SCHEDULER_JOBS),
    )


def late(names: Iterable[str]) -> tuple[str, ...]:
    """Return the variables that the process itself no longer heeds when they are set so; its children do."""
    return tuple(name for name in names if name in _LATE or name.startswith(_LATE_PREFIXES))


_BYTES = ("utf-8", "surrogateescape")  # as Python spells bytes that are no text


def _values(variables: Iterable[Assignment]) -> dict[bytes, bytes]:
    return {
        each.name.encode(): each.value.encode(*_BYTES)
        for each in variables
        if each.value is not None
    }
