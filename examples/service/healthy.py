"""Ask the service whether it is healthy; the image's health check. An exit code other than 0 means no."""

from urllib.request import urlopen

with urlopen("http://127.0.0.1:8000/health", timeout=5) as answer:
    assert answer.status == 200
