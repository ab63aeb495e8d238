"""What builds images: each a module with the names of ``envctl.ports.Builder``, in one explicit table."""

from collections.abc import Mapping

from envctl.adapters.builders import buildah, docker_api, docker_cli, podman
from envctl.ports import Builder

BUILDERS: Mapping[str, Builder] = {
    each.NAME: each for each in (docker_cli, docker_api, podman, buildah)
}
