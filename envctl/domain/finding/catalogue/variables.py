"""The codes of the layer ``variables``."""

from envctl.domain.finding.entry import Entry

ENTRIES = (
    Entry(
        code="variable-unset",
        layers=("variables",),
        severity="error",
        rarely="a note where the environment is not activated",
        meaning="A declared variable is not set.",
        cause="The environment was activated before the variable was declared, or somebody unset it.",
        advice="Activate again, or use `envctl run`.",
    ),
    Entry(
        code="variable-differs",
        layers=("variables",),
        severity="error",
        rarely="a warning for one that means something on one machine only, and for this machine's own "
        "`.envctl/local.toml`; a note where the machine has no record",
        meaning="A variable has another value than the project declares, or than this machine's record has.",
        cause="A shell's start-up file, a job script or a person set it.",
        advice="Unset it and activate again, declare this value, or record the machine again.",
    ),
    Entry(
        code="variable-undeclared",
        layers=("variables",),
        severity="warning",
        meaning="A variable that changes results is set here, and the project does not declare it.",
        cause="Somebody tried something in this shell.",
        advice="Declare it in `[tool.envctl.env]`, or unset it.",
    ),
)
