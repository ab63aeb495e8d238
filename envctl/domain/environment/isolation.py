"""What ``envctl run --isolated`` leaves of the caller's variables: who and where you are, not how your shell is set up.

The list is near what tox and ``nix-shell --pure`` keep. Proxies and certificates are kept because they are transport,
which stays personal everywhere in envctl. The variables that choose devices are kept as well: to leave them out would
give a command every GPU of a shared machine. No other host variable is: ``LD_LIBRARY_PATH`` and the like are what
isolation is for.
"""

from collections.abc import Mapping

from envctl.domain.variables import SCHEDULER_JOBS, SCHEDULER_VARIABLES, looks_secret, scheduler

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
KEPT: Mapping[str, tuple[str, ...]] = {
    "who you are": ("HOME", "USER", "LOGNAME"),
    "language and time": ("LANG", "LANGUAGE", "TZ"),
    "the terminal": ("TERM", "TERMINFO", "COLORTERM", "NO_COLOR", "FORCE_COLOR"),
    "temporary files": ("TMPDIR",),
    "the way to the network": (
        *_PROXIES,
        *(name.lower() for name in _PROXIES),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    ),
    "the devices": SCHEDULER_VARIABLES,
}
"""The names that are kept, by their reason; beside them all that begin with ``LC_``."""

JOB_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "slurm": ("SLURM_", "SLURMD_", "SRUN_"),
    "kubernetes": ("KUBERNETES_",),
    "pbs": ("PBS_",),
    "lsf": ("LSB_", "LSF_"),
}
"""How the names begin with which a scheduler tells a job what it is, beside the marks of all schedulers."""

_LAUNCHED = (
    "PMI_",
    "PMIX_",
    "PMI2_",
)  # which process of a job this is (PMIx standard; Slurm, MPI guide)
_TOKEN = "SLURM_JWT"  # noqa: S105  # a name: Slurm's own credential (Slurm, JSON Web Tokens)
_NAMES = frozenset(name for names in KEPT.values() for name in names)


def kept(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's variables that an isolated command is given."""
    job = scheduler(environ)
    families = ("LC_", *((*JOB_FAMILIES[job], *_LAUNCHED) if job else ()))
    return {
        name: value
        for name, value in environ.items()
        if name in _NAMES
        or name in SCHEDULER_JOBS
        or (name.startswith(families) and name != _TOKEN and not looks_secret(name))
    }
