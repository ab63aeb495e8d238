"""A stand-in for `nvidia-smi`, for Python's `-IS`: it answers from the JSON file `nvidia-smi.json` beside it.

    {"mode": "good", "driver": …, "cuda": …, "gpus": [{"fields": {…}, "mig": [{"profile", "uuid"}]}], "version": true}

Modes: "good"; "broken" (no driver to talk to); "hang"; "part" (a GPU is lost); "endless" (never stops talking).
`version`: whether it knows `--version` (not before driver 550).
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

BROKEN = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure ..."
)
LOST = "Unable to determine the device handle for GPU0000:AF:00.0: GPU is lost.  Reboot the system to recover it"


def main(arguments: list[str]) -> int:
    own = json.loads(Path(__file__).with_name("nvidia-smi.json").read_text(encoding="utf-8"))
    with Path(__file__).with_name("nvidia-smi.asked").open("a", encoding="utf-8") as asked:
        asked.write(" ".join(arguments) + "\n")
    mode = own["mode"]
    if mode == "hang":
        time.sleep(600)
    while mode == "endless":
        sys.stdout.write("0, " * 10000 + "\n")
    if mode == "broken":
        sys.stdout.write(BROKEN + "\n")
        return 9
    if mode == "part":
        sys.stdout.write(LOST + "\n")
    return answer(own, arguments) or (15 if mode == "part" else 0)


def answer(own: dict[str, Any], arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first.startswith("--query-gpu="):
        return query(own, first.partition("=")[2].split(","))
    if first == "-L":
        listing(own)
    elif first == "--version" and not own["version"]:
        sys.stdout.write(
            "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n"
        )
        return 1
    elif first == "--version":
        sys.stdout.write(
            f"NVIDIA-SMI version  : {own['driver']}\nDRIVER version      : {own['driver']}\n"
        )
        sys.stdout.write(f"CUDA Version        : {own['cuda']}\n")
    else:
        sys.stdout.write(f"| NVIDIA-SMI {own['driver']}   Driver Version: {own['driver']}   ")
        sys.stdout.write(f"CUDA Version: {own['cuda']}  |\n")
    return 0


def query(own: dict[str, Any], fields: list[str]) -> int:
    if not own["gpus"]:
        sys.stdout.write("No devices were found\n")
    for gpu in own["gpus"]:
        for field in fields:
            if field not in gpu["fields"]:
                sys.stdout.write(f'Field "{field}" is not a valid field to query.\n\n')
                return 2
        sys.stdout.write(", ".join(str(gpu["fields"][field]) for field in fields) + "\n")
    return 0


def listing(own: dict[str, Any]) -> None:
    for gpu in own["gpus"]:
        fields = gpu["fields"]
        sys.stdout.write(f"GPU {fields['index']}: {fields['name']} (UUID: {fields['uuid']})\n")
        for slot, mig in enumerate(gpu["mig"]):
            sys.stdout.write(f"  MIG {mig['profile']:<12}Device {slot:>2}: (UUID: {mig['uuid']})\n")


sys.exit(main(sys.argv[1:]))
