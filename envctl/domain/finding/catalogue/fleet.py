"""The codes of the layer ``fleet`` that no other layer has."""

from envctl.domain.finding import Layer
from envctl.domain.finding.entry import Entry

_FLEET: tuple[Layer, ...] = ("fleet",)

ENTRIES = (
    Entry(
        code="record-unreadable",
        layers=_FLEET,
        severity="error",
        meaning="A file in `.envctl/machines/` is no record that this envctl reads; a link that leads nowhere, "
        "or a folder of that name, is one too.",
        cause="Merge-conflict markers, a typing error, or a newer envctl wrote it.",
        advice="Mend it, or save the record again on that machine.",
    ),
    Entry(
        code="record-twice",
        layers=_FLEET,
        severity="note",
        meaning="Two records are of one machine, by its id: the older one holds the team back, or promises too "
        "much.",
        cause="The machine was saved under a second name, or machines are copies of one another with one id.",
        advice="Delete one, or give each machine its own `/etc/machine-id`.",
    ),
    Entry(
        code="devices-cut",
        layers=_FLEET,
        severity="warning",
        meaning="A word ends the list: CUDA programs do not see what follows.",
        cause="A machine does not have that index, no recorded machine has that UUID, or it is no device "
        "anywhere. A machine's own `.envctl/local.toml` may name its devices.",
        advice="Correct the list, or name the devices of that machine in its `.envctl/local.toml`.",
    ),
    Entry(
        code="devices-odd",
        layers=_FLEET,
        severity="warning",
        meaning="A word is read as another one than it seems.",
        cause="`1O` and `0 1` are the index before the first other character, and the rest is ignored.",
        advice="Write what is meant.",
    ),
    Entry(
        code="devices-hidden",
        layers=_FLEET,
        severity="warning",
        meaning="A named device is not seen.",
        cause="Beside a MIG device CUDA shows no other, or the GPU is in MIG mode and has no part.",
        advice="Name the devices of that machine in its `.envctl/local.toml`, or correct the list.",
    ),
    Entry(
        code="devices-elsewhere",
        layers=_FLEET,
        severity="warning",
        meaning="A UUID in the list is a device of one machine; on the others it ends the list.",
        cause="A UUID was declared for the whole team.",
        advice="Write it into the `.envctl/local.toml` of that machine.",
    ),
    Entry(
        code="devices-repeated",
        layers=_FLEET,
        severity="error",
        meaning="A device is named twice, which hides every device.",
        cause="A typing error, or an index and a UUID of one device.",
        advice="Name each device once.",
    ),
    Entry(
        code="devices-order",
        layers=_FLEET,
        severity="warning",
        meaning="The list has numbers, a machine has GPUs of several models, and "
        "`CUDA_DEVICE_ORDER=PCI_BUS_ID` is not declared.",
        cause="CUDA counts the fastest first, nvidia-smi does not.",
        advice="Declare it, or name devices by UUIDs.",
    ),
)
