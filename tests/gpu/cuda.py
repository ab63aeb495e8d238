"""Ask the CUDA driver itself, as a program: `python cuda.py devices`, `python cuda.py hold BYTES`.

`devices` prints what a CUDA program sees under its variables, in its order, as JSON. `hold` takes that much memory on
the first device, prints a line, and keeps it until stdin ends.
"""

import ctypes
import json
import sys
from typing import Any
from uuid import UUID

NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
INVALID_DEVICE = 101


class Refused(Exception):
    """The driver's answer is an error code."""


class Driver:
    """libcuda.so.1; raises `OSError` where it is not."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libcuda.so.1")
        self.started = self.library.cuInit(0)

    def call(self, name: str, *arguments: Any) -> None:
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise Refused(f"{name}: {code}")

    def devices(self) -> list[dict[str, Any]]:
        if self.started in (NO_DEVICE, INVALID_DEVICE):
            return []
        if self.started != 0:
            raise Refused(f"cuInit: {self.started}")
        count = ctypes.c_int()
        self.call("cuDeviceGetCount", ctypes.byref(count))
        return [self.device(number) for number in range(count.value)]

    def device(self, number: int) -> dict[str, Any]:
        handle, uuid = ctypes.c_int(), (ctypes.c_ubyte * 16)()
        name, place = ctypes.create_string_buffer(100), ctypes.create_string_buffer(32)
        self.call("cuDeviceGet", ctypes.byref(handle), number)
        by_part = hasattr(self.library, "cuDeviceGetUuid_v2")  # of a MIG device; CUDA 11.4
        self.call("cuDeviceGetUuid_v2" if by_part else "cuDeviceGetUuid", uuid, handle)
        self.call("cuDeviceGetName", name, len(name), handle)
        self.call("cuDeviceGetPCIBusId", place, len(place), handle)
        return {
            "uuid": str(UUID(bytes=bytes(uuid))),
            "name": name.value.decode(),
            "pci_bus_id": place.value.decode().lower(),
        }

    def hold(self, size: int) -> None:
        handle, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
        self.call("cuDeviceGet", ctypes.byref(handle), 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), handle)
        self.call("cuCtxSetCurrent", context)
        self.call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(size))


def main(words: list[str]) -> int:
    driver = Driver()
    if words[0] == "devices":
        sys.stdout.write(json.dumps(driver.devices()))
    else:
        driver.hold(int(words[1]))
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
