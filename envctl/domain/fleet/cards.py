"""For which cards an image must have kernels: those of the machines that are to run it."""

from collections.abc import Iterable, Mapping

from envctl.domain.fleet import Fit
from envctl.domain.verdict.driver import distinct

Cards = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Architecture (``x86_64``) → compute capability (``8.0``) → the machines that have such a card."""


def cards(tried: Iterable[Fit], profile: str | None) -> Cards:
    """Return the cards for which a profile's image must have kernels.

    A machine counts for the profile that ``sync`` would take there, and one that runs none for each: its card is then
    what stands in the way.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for fit in tried:
        if fit.chosen is None or fit.chosen.profile == profile:
            own = found.setdefault(fit.record.architecture, {})
            for gpu in distinct(fit.record.nvidia_gpus):
                if gpu.compute_capability:
                    own.setdefault(gpu.compute_capability, set()).add(fit.name)
    return {
        machine: {card: tuple(sorted(names)) for card, names in sorted(own.items())}
        for machine, own in found.items()
    }
