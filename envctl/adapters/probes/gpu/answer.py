"""What one way of asking NVIDIA's driver came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envctl.domain.record import Gpu, GpuSource


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The driver and its devices; ``problem`` ends the sentence "the NVIDIA driver …"."""

    source: GpuSource
    driver: str | None = None
    cuda_level: str | None = None
    gpus: tuple[Gpu, ...] = ()
    problem: str | None = None

    def fields(self, gpus: tuple[Gpu, ...] = ()) -> Mapping[str, Any]:
        """Return the record's fields, with the devices of others after NVIDIA's."""
        return {
            "gpus": self.gpus + gpus,
            "driver": self.driver,
            "cuda_level": self.cuda_level,
            "gpu_source": self.source,
            "gpu_problem": self.problem,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """No answer: ``problem`` says why, ``None`` when there is nobody to ask; ``waited``: until the time was over."""

    problem: str | None = None
    waited: bool = False
    cuda_level: str | None = None
