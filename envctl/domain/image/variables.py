"""Which declared variables an image carries, by their class (product page, "Variables")."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from envctl.domain.variables import classify

# The image's own: with another value nothing in it would start, or (CUDA_VERSION) the NVIDIA runtime would take it
# for one of its old images and invent requirements of its own (toolkit, image/cuda_image.go IsLegacy).
_RESERVED = ("PATH", "VIRTUAL_ENV", "CUDA_VERSION", "PYTHONHOME")


@dataclass(frozen=True, kw_only=True, slots=True)
class Baked:
    """The variables by fate: written into the image, required at start, or merely missed there."""

    env: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def bake(declared: Mapping[str, str], target: str) -> Baked:
    """Sort the declared variables for an image that is run by ``target`` (docker, slurm, kubernetes).

    ``CUDA_VISIBLE_DEVICES`` goes into an image for Docker, where with ``--gpus all`` it means the same as outside;
    elsewhere a scheduler gives the devices, and an image's value would win over its word.
    """
    env: dict[str, str] = {}
    required: list[str] = []
    missed: list[str] = []
    warnings: list[str] = []
    for name, value in sorted(declared.items()):
        kind = classify(name)
        if name in _RESERVED:
            warnings.append(f"{name} is not written into the image: the image sets its own")
        elif kind == "secret":
            required.append(name)
            warnings.append(
                f"{name} looks like a credential and is not written into the image: "
                f"give it at start (`docker run --env {name}`)"
            )
        elif kind != "host" or (name == "CUDA_VISIBLE_DEVICES" and target == "docker"):
            env[name] = value
        elif name == "CUDA_VISIBLE_DEVICES":
            warnings.append(f"{name} is left out of an image for {target}, which gives the devices")
        else:
            missed.append(name)
            warnings.append(
                f"{name} means something on one machine only and is not written into the image: "
                f"give it at start (`docker run --env {name}`)"
            )
    return Baked(env=env, required=tuple(required), missed=tuple(missed), warnings=tuple(warnings))
