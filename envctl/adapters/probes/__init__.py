"""Probes: each looks at one side of this machine and returns fields of a ``Record``. Absence is a value."""

from collections.abc import Mapping

from envctl.adapters.probes import gpu, host, interpreter, variables
from envctl.ports import Probe

PROBES: Mapping[str, Probe] = {
    interpreter.NAME: interpreter,
    host.NAME: host,
    gpu.NAME: gpu,
    variables.NAME: variables,
}
