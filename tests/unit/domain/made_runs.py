"""Descriptions of runs to test with: one that is whole, and any that there may be."""

from hypothesis import strategies as st

from envctl.domain.runs.description import (
    SETTING_CLASSES,
    Device,
    Entered,
    LockFile,
    Machine,
    RunDescription,
    Setting,
)

TEXT = st.text(max_size=12)
FILLED = st.text(min_size=1, max_size=12)
MAYBE = st.none() | TEXT
WHOLE = RunDescription(
    id="20261121T101112Z-4f2a9c1b",
    time="2026-11-21T10:11:12Z",
    envctl="0.1.0",
    commit="a" * 40,
    dirty=False,
    lock=LockFile(name="pylock.toml", digest="sha256:1"),
    environment=Entered(
        profile="cu126",
        python="3.11.7",
        slice="sha256:2",
        fingerprint="sha256:3",
        cuda="12.6",
        groups=("dev",),
        packages={"numpy": "2.1.0", "torch": "2.9.0", "zz-made-app": "1.0"},
    ),
    machine=Machine(
        id="0123456789abcdef",
        name="lab",
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="6.1.0",
        libc="glibc 2.36",
        architecture="x86_64",
        cpu="AMD EPYC 7742",
    ),
    driver="550.90.07",
    gpus=(Device(name="NVIDIA A100-SXM4-80GB", uuid="GPU-a"),),
    variables=(
        Setting(name="CUDA_VISIBLE_DEVICES", kind="host", value="0"),
        Setting(name="HF_HOME", kind="location"),
        Setting(name="NCCL_DEBUG", kind="performance", value="INFO"),
        Setting(name="PYTHONHASHSEED", kind="semantic", value="0"),
        Setting(name="ZZ_EPOCHS", kind="declared", value="10"),
    ),
)


_NAMES = TEXT | st.sampled_from(["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"])
_VALUES = MAYBE | st.sampled_from(["", "0", "1,0", "0,0", "-1", "GPU-a", "PCI_BUS_ID"])


def _settings(names: list[str]) -> st.SearchStrategy[tuple[Setting, ...]]:
    each = [
        st.builds(Setting, name=st.just(name), kind=st.sampled_from(SETTING_CLASSES), value=_VALUES)
        for name in sorted(names)
    ]
    return st.tuples(*each)


ANY = st.builds(
    RunDescription,
    id=MAYBE,
    time=FILLED,
    envctl=FILLED,
    commit=MAYBE,
    dirty=st.none() | st.booleans(),
    lock=st.none() | st.builds(LockFile, name=TEXT, digest=TEXT),
    environment=st.builds(
        Entered,
        profile=MAYBE,
        python=MAYBE,
        slice=MAYBE,
        fingerprint=MAYBE,
        cuda=MAYBE,
        groups=st.lists(TEXT, max_size=3).map(tuple),
        extras=st.lists(TEXT, max_size=3).map(tuple),
        packages=st.dictionaries(TEXT, TEXT, max_size=4),
    ),
    machine=st.builds(
        Machine,
        id=MAYBE,
        name=MAYBE,
        os=MAYBE,
        kernel=MAYBE,
        libc=MAYBE,
        architecture=MAYBE,
        cpu=MAYBE,
    ),
    driver=MAYBE,
    gpus=st.none()
    | st.lists(
        st.builds(
            Device,
            name=TEXT,
            uuid=MAYBE,
            pci_bus_id=MAYBE,
            compute_capability=MAYBE,
            memory_bytes=st.none() | st.integers(0, 2**40),
            mig=st.none() | st.booleans(),
            vendor=st.sampled_from(["nvidia", "amd"]),
        ),
        max_size=3,
    ).map(tuple),
    variables=st.lists(_NAMES, unique=True, max_size=4).flatmap(_settings),
)
