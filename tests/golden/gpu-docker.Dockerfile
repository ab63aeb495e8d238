# >>> envctl: generated, change pyproject.toml and run 'envctl dockerize' >>>
# block sha256:52927f44acece8c9ee89863b0c93cac9f2aa10b88382703785fc49b901cd939c
# slice linux-x86_64 sha256:f7dc051e3b437f9385f90b58c8adc715d8974f999d49ec20700912a7b56fc7c0
# slice linux-aarch64 sha256:5fd723106b447a0921444b64bf74b277fa23eaaa5f0805b26474951292148f52
# settings sha256:a7b606298795494593993b2ac153b47fa527205010db8c989067acd3d2c8c4a8
# python 3.11
# source ["src"]
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

FROM empty AS heavy
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.heavy.toml,target=/tmp/pylock.heavy.toml \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python /tmp/pylock.heavy.toml \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv

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
COPY --from=heavy /opt/venv /opt/venv
# The manifest names them without a version: Debian's of the day of the build.
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    if [ -s /run/secrets/ca ]; then set -- -o Acquire::https::CaInfo=/run/secrets/ca; fi \
 && apt-get "$@" update \
 && apt-get "$@" install -y --no-install-recommends libgl1 libgomp1=12.2.0-14 \
 && rm -rf /var/log/apt /var/log/dpkg.log /var/cache/ldconfig/aux-cache
RUN echo 'app:x:10001:0::/var/cache/app:/bin/sh' >> /etc/passwd \
 && install -d -m 1777 /var/cache/app \
 && touch --no-dereference --date=1980-01-01T00:00:00Z /etc/passwd /etc /var/cache/app /var/cache
COPY --from=light /opt/venv /opt/venv
LABEL org.opencontainers.image.title="vision" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm" \
      org.opencontainers.image.base.digest="sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" \
      io.envctl.slice.linux-x86_64="sha256:f7dc051e3b437f9385f90b58c8adc715d8974f999d49ec20700912a7b56fc7c0" \
      io.envctl.slice.linux-aarch64="sha256:5fd723106b447a0921444b64bf74b277fa23eaaa5f0805b26474951292148f52" \
      io.envctl.python="3.11" \
      io.envctl.for="docker" \
      io.envctl.accelerator="cuda" \
      io.envctl.cuda="12.6" \
      io.envctl.driver.min="525.60.13" \
      io.envctl.driver.full="560.28.03" \
      io.envctl.compute-capabilities="5.0,6.0,7.0,7.5,8.0,8.6,9.0"
ENV PATH=/opt/venv/bin:$PATH \
    VIRTUAL_ENV="/opt/venv" \
    PYTHONUNBUFFERED="1" \
    PYTHONPATH="/app/src" \
    HOME="/var/cache/app" \
    XDG_CACHE_HOME="/var/cache/app" \
    MPLCONFIGDIR="/var/cache/app/matplotlib" \
    CUDA_CACHE_PATH="/var/cache/app/nv" \
    HF_HOME="/var/cache/app/huggingface" \
    TORCH_HOME="/var/cache/app/torch" \
    TRITON_CACHE_DIR="/var/cache/app/triton" \
    NVIDIA_DRIVER_CAPABILITIES="compute,utility" \
    CUDA_DEVICE_ORDER="PCI_BUS_ID" \
    NVIDIA_REQUIRE_CUDA="cuda>=12.0" \
    NVIDIA_VISIBLE_DEVICES="all"
ENV CUDA_VISIBLE_DEVICES="2"
COPY --chmod=0444 [".envctl/image/contract.json", ".envctl/image/preflight.py", "/opt/envctl/"]
RUN ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "build"]
COPY --chmod=0555 ["src", "/app/src"]
WORKDIR /app
USER 10001:0
ENTRYPOINT ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "start", "--"]
CMD ["python", "-m", "vision"]
# <<< envctl <<<
