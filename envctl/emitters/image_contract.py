"""``contract.json``: what an image must hold and needs to run, for the preflight that lies beside it."""

import json

from envctl.domain.image import Image

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
            platform.machine: {"digest": taken.digest, "packages": taken.versions()}
            for platform, taken in image.slices.items()
        },
        "accelerator": contract.accelerator,
        "cuda": contract.cuda,
        "driver": contract.driver_limited,
        "gpus": (image.gpu.count or 1) if image.gpu.required and image.cuda else 0,
        "required": list(image.variables.required),
        "missed": list(image.variables.missed),
    }
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"
