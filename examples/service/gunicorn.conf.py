"""How gunicorn serves it: the same here and in the image, which starts in the folder of this file."""

bind = "0.0.0.0:8000"
workers = 1
worker_class = "gthread"
threads = 4
# `docker stop` waits ten seconds before it kills: requests that have begun get nearly all of them.
graceful_timeout = 8
# A worker's sign of life is a file: in memory, so that the image runs with a read-only file system.
worker_tmp_dir = "/dev/shm"  # noqa: S108  # a folder of the system's: gunicorn's file there has no name
accesslog = "-"
# The same holds for its socket of commands, which nobody uses here.
control_socket_disable = True
