"""``contract.json``: what an image must hold and needs to run, for the preflight that lies beside it."""

import json

from envctl.domain.image import Image, contract_of
from envctl.domain.lock.slices import Slice
from envctl.domain.platforms import Platform

SCHEMA = 1


def emit(image: Image) -> str:
    """Return the text of the contract, one key a line."""
    contract = image.contract
    table = {
        "schema": SCHEMA,
        "environment": "/opt/venv",
        "python": image.python,
        "for": image.target,
        "slices": {
            platform.machine: {
                "digest": taken.digest,
                "packages": taken.versions(),
                **_kernels(platform, taken, image),
            }
            for platform, taken in image.slices.items()
        },
        "accelerator": contract.accelerator,
        "cuda": contract.cuda,
        "driver": contract.driver_limited,
        "driver-full": contract.driver_full,
        "gpus": (image.gpu.count or 1) if image.gpu.required and image.cuda else 0,
        **({"project": project.name} if (project := image.built.project) else {}),
        "required": list(image.variables.required),
        "missed": list(image.variables.missed),
    }
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def _kernels(platform: Platform, taken: Slice, image: Image) -> dict[str, object]:
    """Return for which cards one machine's wheels have kernels, by the tables, and for which the team needs some."""
    contract = contract_of({platform: taken})
    if contract.accelerator != "cuda":
        return {}
    found = {
        "kernels": contract.compute_capabilities,
        "ptx": contract.ptx,
        "cards": image.cards.get(platform.machine),
    }
    return {key: value for key, value in found.items() if value}
