# >>> envctl: generated, change pyproject.toml and run 'envctl dockerize' >>>
# block sha256:8cb09aa58a53478e4734cad3c1a36050f0ca650b92197c938a3f0e12446c5684
# slice linux-x86_64 sha256:a6495a4d06f197c33d74dab4690eacb678e1fecade8c833d7dcd933947377fa2
# settings sha256:fe34a3c5d552801bf020945c81547fa544dcf5115687c2fafb74b262086af159
# python 3.11
# source ["train.py", "vision"]
# file contract.json sha256:ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356
# file uv.txt sha256:2c38c529b6ea8ab8a55971a26bfd14a3796c15cd7328fe35e9e8a665a87b8cdc
#
# Build:                   docker build --tag NAME --file Dockerfile .
# behind a proxy or with a company's CA, add:
#                          --network host --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt
# for an index with login: --secret id=netrc,src=$HOME/.netrc
# Neither secret stays in a layer. Engines before 23 need DOCKER_BUILDKIT=1 in the environment.

FROM docker.io/library/python:3.11-slim-bookworm@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd AS base

FROM base AS uv
RUN --mount=type=bind,source=.envctl/image/uv.txt,target=/tmp/uv.txt \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && python3 -m venv /opt/uv \
 && /opt/uv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: -r /tmp/uv.txt

# `relocatable`: launchers that name no path, as in .venv.
FROM base AS empty
RUN python3 -m venv --without-pip /opt/venv \
 && echo 'relocatable = true' >> /opt/venv/pyvenv.cfg

FROM empty AS light
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.light.toml,target=/tmp/pylock.light.toml \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python /tmp/pylock.light.toml \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv
# <<< envctl <<<

# >>> envctl, continued: generated as well; between the two, your own stages may stand >>>
FROM base AS final
RUN echo 'app:x:10001:0::/var/cache/app:/bin/sh' >> /etc/passwd \
 && install -d -m 1777 /var/cache/app \
 && touch --no-dereference --date=1980-01-01T00:00:00Z /etc/passwd /etc /var/cache/app /var/cache
COPY --from=light /opt/venv /opt/venv
LABEL org.opencontainers.image.title="churn" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm" \
      org.opencontainers.image.base.digest="sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" \
      io.envctl.slice.linux-x86_64="sha256:a6495a4d06f197c33d74dab4690eacb678e1fecade8c833d7dcd933947377fa2" \
      io.envctl.python="3.11" \
      io.envctl.for="docker" \
      io.envctl.accelerator="cpu"
ENV PATH=/opt/venv/bin:$PATH \
    VIRTUAL_ENV="/opt/venv" \
    PYTHONUNBUFFERED="1" \
    HOME="/var/cache/app" \
    XDG_CACHE_HOME="/var/cache/app" \
    MPLCONFIGDIR="/var/cache/app/matplotlib"
ENV PYTHONHASHSEED="0"
COPY --chmod=0444 [".envctl/image/contract.json", ".envctl/image/preflight.py", "/opt/envctl/"]
RUN ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "build"]
COPY --chmod=0555 ["train.py", "/app/train.py"]
COPY --chmod=0555 ["vision", "/app/vision"]
WORKDIR /app
USER 10001:0
ENTRYPOINT ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "start", "--"]
CMD ["python", "train.py"]
# <<< envctl <<<
