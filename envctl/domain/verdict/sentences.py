"""What a remedy says: each half of a sentence."""

from collections.abc import Collection

from envctl.domain.gpu import cards as gpu_cards
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Record
from envctl.domain.verdict.driver import distinct, own_numbers

ANSWER = "the driver must answer first: load the one that is installed (reboot), or install it anew"


def install(record: Record, driver: str, full: str | None = None) -> str:
    """Say which driver to install; the cards may end with a branch, and a driver may be too new for them.

    ``full``: the driver from which on nothing is left out, where that is another one.
    """
    where = " on Windows" if own_numbers(record) else ""
    branch = gpu_facts.branch(driver)
    if numbers(driver) < numbers(record.driver or ""):
        return f"go back to a driver of branch R{branch}{where} (such as {driver})"
    which = driver if "." in driver else f"of branch R{branch}"
    more = [*([f"{full} for the full feature set"] if full else []), *_end(record)]
    besides = f" ({', '.join(more)})" if more else ""
    return f"install driver {which} or newer{where}{besides}"


def lock(torch: str, build: str) -> str:
    """Say what to lock: ``2.14`` and ``cu126``, or without torch packages for ``cu12``."""
    if torch:
        return f"lock torch {torch} with {build}"
    major = build.removeprefix("cu")
    return f"lock packages for CUDA {major} instead (such as jax[cuda{major}])"


def none(codes: Collection[str], torch: str | None, python: str | None = None) -> str:
    """Say why nothing helps: what no driver and no build can change, or that all of the tables were tried."""
    if "gpu-missing" in codes:
        return "no driver and no build brings a GPU: use another machine"
    if "libc-too-old" in codes:
        return "no driver and no build brings a newer C library: use a newer operating system"
    of = f" for Python {python}" if python else ""
    tried = f"no driver and no build of torch{of}" if torch else "no driver"
    return f"{tried} in the tables ({gpu_facts.date()}) runs this on that machine"


def _end(record: Record) -> list[str]:
    if own_numbers(record):
        return []
    models = distinct(record.nvidia_gpus)
    lasts = (gpu_cards.last_branch(gpu.compute_capability or "") for gpu in models)
    known = [last for last in lasts if last is not None]
    return [f"up to branch R{min(known)}"] if known else []
