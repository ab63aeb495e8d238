"""The codes of the layer ``machine``; most of them come in ``fleet`` as well, for each recorded machine."""

from envctl.domain.finding import Layer
from envctl.domain.finding.entry import Entry

_BOTH: tuple[Layer, ...] = ("machine", "fleet")
_LIMITED = "a note in the layer `fleet`"
_ALIEN = "an error in the layer `fleet` only where no profile runs on the machine"

ENTRIES = (
    Entry(
        code="driver-too-old",
        layers=_BOTH,
        severity="error",
        rarely=_ALIEN,
        meaning="The GPU driver is too old for the CUDA in the lock.",
        cause="A package brought a newer CUDA, or the machine was never updated.",
        fix=("envctl sync --profile NAME", "envctl lock --fleet"),
        advice="A newer driver, or an older build of torch: the finding names them.",
    ),
    Entry(
        code="driver-too-new",
        layers=_BOTH,
        severity="error",
        rarely=_ALIEN,
        meaning="The GPU driver is of a branch that no longer supports this card.",
        cause="The driver was updated on a machine with an old card.",
        fix=("envctl sync --profile NAME", "envctl lock --fleet"),
        advice="The last branch of the driver that supports it.",
    ),
    Entry(
        code="driver-limited",
        layers=_BOTH,
        severity="warning",
        rarely=_LIMITED,
        meaning="The driver works through CUDA's minor-version compatibility, with limits.",
        cause="The driver is older than the CUDA in the lock, of the same major version.",
        advice="Nothing must be done; a newer driver brings the full feature set.",
    ),
    Entry(
        code="driver-forward",
        layers=_BOTH,
        severity="warning",
        meaning="The driver works through forward compatibility.",
        cause="The package `cuda-compat-…` is installed beside an older driver, and must stay there.",
        advice="Nothing must be done while that package is there.",
    ),
    Entry(
        code="no-kernel-for-gpu",
        layers=_BOTH,
        severity="error",
        rarely=_ALIEN,
        meaning="The locked wheels have no kernels for this GPU.",
        cause="The card is newer or older than the GPUs that the build of torch was compiled for.",
        fix=("envctl sync --profile NAME", "envctl lock --fleet"),
        advice="Another build of torch: the finding names it.",
    ),
    Entry(
        code="kernels-unknown",
        layers=_BOTH,
        severity="note",
        meaning="Whether the locked build of torch runs on this GPU is not judged.",
        cause="Nobody has published for which GPUs that build has kernels, or the card's compute capability is "
        "not known.",
        advice="Run it there once.",
    ),
    Entry(
        code="gpu-missing",
        layers=_BOTH,
        severity="error",
        rarely=_ALIEN,
        meaning="`[tool.envctl.gpu]` asks for a GPU, or for more of them, and they are not there.",
        cause="The machine has none, a container was started without them, or their driver does not answer.",
        advice="Use a machine with a GPU, or take `required` out.",
    ),
    Entry(
        code="gpu-unused",
        layers=_BOTH,
        severity="warning",
        meaning="There are GPUs, and the lock runs on the CPU.",
        cause="Their driver does not answer; in the layer `fleet` also: a profile is made for the GPUs of a "
        "machine, and only the `cpu` profile runs there.",
        fix=("envctl lock --fleet",),
        advice="Mend the driver (`envctl doctor` says how), or take another build of torch.",
    ),
    Entry(
        code="libc-too-old",
        layers=_BOTH,
        severity="error",
        rarely=_ALIEN,
        meaning="The wheels need a newer libc than the machine has.",
        cause="An older distribution, and no libc floor in `tool.envctl.platforms`.",
        advice="Add the floor and lock again, or use a newer system.",
    ),
    Entry(
        code="compiler-missing",
        layers=("machine",),
        severity="error",
        meaning="A package that has no wheel must be built here, and its compiler is not there.",
        cause="The lock has a source only, and this machine's cache does not have it built.",
        advice="Install it: the finding names the packages.",
    ),
    Entry(
        code="nvcc-missing",
        layers=("machine",),
        severity="error",
        meaning="A package must be built here with CUDA's compiler, which is not there, or is of another major "
        "version than the lock's CUDA.",
        cause="The toolkit is not installed, or `CUDA_HOME` names another.",
        advice="Install that toolkit, or name its folder in `CUDA_HOME`.",
    ),
    Entry(
        code="python-headers-missing",
        layers=("machine",),
        severity="error",
        meaning="A package must be built here, and the interpreter's headers (`Python.h`) are not there.",
        cause="Debian and Ubuntu have them in a package of their own.",
        advice="Install `python3.X-dev`, or use an interpreter that brings them (uv's or pyenv's).",
    ),
    Entry(
        code="record-stale",
        layers=("machine",),
        severity="warning",
        meaning="This machine's [record](../how-to/record-machines.md) tells of another driver, C library, "
        "other GPUs, or another `cuda-compat`: the layer `fleet` judges by it, on every machine.",
        cause="The machine was updated since it was recorded.",
        fix=("envctl record --save NAME",),
    ),
)
