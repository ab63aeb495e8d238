"""What an image says about itself: its labels, and the variables that it needs whatever the project declares."""

from envctl.domain.image import Image

CACHE = "/var/cache/app"
_CACHES = {"XDG_CACHE_HOME": CACHE, "MPLCONFIGDIR": f"{CACHE}/matplotlib"}
_CUDA_CACHES = {
    "CUDA_CACHE_PATH": f"{CACHE}/nv",
    "HF_HOME": f"{CACHE}/huggingface",
    "TORCH_HOME": f"{CACHE}/torch",
    "TRITON_CACHE_DIR": f"{CACHE}/triton",
}


def labels(image: Image) -> dict[str, str]:
    """Return the labels: OCI's keys for the base image, ``io.envctl.*`` for the slice and the contract."""
    contract = image.contract
    found = {
        "org.opencontainers.image.title": image.name,
        "org.opencontainers.image.base.name": image.base.reference,
        "org.opencontainers.image.base.digest": image.base.digest,
        **{f"io.envctl.slice.{p.name}": taken.digest for p, taken in image.slices.items()},
        "io.envctl.python": image.python,
        "io.envctl.for": image.target,
        "io.envctl.accelerator": contract.accelerator,
        "io.envctl.cuda": contract.cuda,
        "io.envctl.driver.min": contract.driver_limited,
        "io.envctl.driver.full": contract.driver_full,
        "io.envctl.compute-capabilities": ",".join(contract.compute_capabilities),
    }
    return {key: text for key, text in found.items() if text}


def variables(image: Image) -> dict[str, str]:
    """Return the image's own variables, less those that the project declares itself."""
    own = {"VIRTUAL_ENV": "/opt/venv", "PYTHONUNBUFFERED": "1"}
    if "src" in image.source:
        own["PYTHONPATH"] = "/app/src"
    if image.target != "slurm":  # there the job runs as its user, in the user's home
        own |= {"HOME": CACHE} | _CACHES
        own |= _CUDA_CACHES if image.cuda else {}
    if image.cuda:
        own |= _nvidia(image)
    return {name: text for name, text in own.items() if name not in image.variables.env}


def _nvidia(image: Image) -> dict[str, str]:
    """Tell the NVIDIA runtimes what to mount.

    Capabilities, because enroot's default lacks `compute`. The floor is the CUDA family's (minor-version
    compatibility), not the toolkit's. Never CUDA_VERSION, which would make this a "legacy" image with all devices.
    """
    own = {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if image.contract.cuda:
        own["NVIDIA_REQUIRE_CUDA"] = f"cuda>={image.contract.cuda.partition('.')[0]}.0"
    if image.target != "kubernetes":  # there a pod that asks for no GPU would get them all
        own["NVIDIA_VISIBLE_DEVICES"] = "all"
    return own
