# >>> envctl: generated, change pyproject.toml and run 'envctl dockerize' >>>
# block sha256:404d2e8819bb23d158d0b06047c014f6d3ad043cf3d7bc931baa6603f369b421
# slice linux-x86_64 sha256:17931b45a6b4b9b944fad2a480c968b3d8b5b09b58b8e6c29184fb6f130e4134
# slice linux-aarch64 sha256:286089bf654581508534d7953461630c7e981a36427df952df891937292ca3b9
# settings sha256:d0dca30c4354db8323fc0eff4d1eb75226ba87b44babd540b62aa9713553345f
# python 3.11
# source ["pyproject.toml", "LICENSE", "README.md", "setup.cfg", "src"]
# builds sha256:2e489da491f5329d1c9a55e764a826531b8698a70a74e33af7a129ed2550b66e
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

FROM docker.io/nvidia/cuda:12.6.3-devel-ubuntu22.04@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd AS toolkit

# Compilers: nothing of this stage is copied, only the wheels made in it.
FROM docker.io/library/python:3.11-bookworm@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd AS builder
COPY --from=toolkit /usr/local/cuda-12.6 /usr/local/cuda-12.6
ENV CUDA_HOME=/usr/local/cuda-12.6 \
    PATH=/usr/local/cuda-12.6/bin:$PATH

FROM builder AS package
ENV PATH=/opt/build/bin:$PATH \
    PYTHONNOUSERSITE="1" \
    SOURCE_DATE_EPOCH="315532800" \
    VIRTUAL_ENV="/opt/build"
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.package.toml,target=/tmp/pylock.package.toml \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python /tmp/pylock.package.toml
COPY ["pyproject.toml", "/opt/source/pyproject.toml"]
COPY ["LICENSE", "/opt/source/LICENSE"]
COPY ["README.md", "/opt/source/README.md"]
COPY ["setup.cfg", "/opt/source/setup.cfg"]
COPY ["src", "/opt/source/src"]
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM builder AS build-made-ninja
ENV PATH=/opt/build/bin:$PATH \
    PYTHONNOUSERSITE="1" \
    SOURCE_DATE_EPOCH="315532800" \
    VIRTUAL_ENV="/opt/build"
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.build-made-ninja.toml,target=/tmp/pylock.build-made-ninja.toml \
    --mount=type=bind,source=.envctl/image/build-made-ninja.txt,target=/tmp/build-made-ninja.txt \
    --mount=type=bind,source=.envctl/image/fetch.py,target=/tmp/fetch.py \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && python3 /tmp/fetch.py /tmp/build-made-ninja.txt /opt/source \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python /tmp/pylock.build-made-ninja.toml
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM builder AS build-made-c
ENV PATH=/opt/build/bin:$PATH \
    PYTHONNOUSERSITE="1" \
    SOURCE_DATE_EPOCH="315532800" \
    VIRTUAL_ENV="/opt/build"
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.build-made-c.toml,target=/tmp/pylock.build-made-c.toml \
    --mount=type=bind,source=.envctl/image/build-made-c.txt,target=/tmp/build-made-c.txt \
    --mount=type=bind,source=.envctl/image/fetch.py,target=/tmp/fetch.py \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    case $(uname -m) in aarch64) ;; *) mkdir -p /wheels; exit 0;; esac \
 && if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && python3 /tmp/fetch.py /tmp/build-made-c.txt /opt/source \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python /tmp/pylock.build-made-c.toml
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    case $(uname -m) in aarch64) ;; *) mkdir -p /wheels; exit 0;; esac \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM builder AS build-flash-attn
ENV PATH=/opt/build/bin:$PATH \
    PYTHONNOUSERSITE="1" \
    SOURCE_DATE_EPOCH="315532800" \
    VIRTUAL_ENV="/opt/build"
ENV MAX_JOBS="4"
ENV NVCC_PREPEND_FLAGS="-D'X=\"\$HOME\"'"
ENV TORCH_CUDA_ARCH_LIST="5.0;6.0;7.0;7.5;8.0;8.6;9.0"
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.build-flash-attn.toml,target=/tmp/pylock.build-flash-attn.toml \
    --mount=type=bind,source=.envctl/image/build-flash-attn.txt,target=/tmp/build-flash-attn.txt \
    --mount=type=bind,source=.envctl/image/fetch.py,target=/tmp/fetch.py \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && python3 /tmp/fetch.py /tmp/build-flash-attn.txt /opt/source \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python /tmp/pylock.build-flash-attn.toml
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,from=build-made-ninja,source=/wheels,target=/opt/wheels/build-made-ninja \
    UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/build-made-ninja --python /opt/build/bin/python 'made-ninja==1.12' \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM empty AS project
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,from=package,source=/wheels,target=/opt/wheels/package \
    UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/package --python /opt/venv/bin/python 'kernels-of-ours' \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/uv_cache.json' -delete \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/RECORD' -exec sed -i '/\.dist-info\/uv_cache\.json,sha256=/d' {} + \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv

FROM empty AS heavy
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.heavy.toml,target=/tmp/pylock.heavy.toml \
    --mount=type=bind,from=build-flash-attn,source=/wheels,target=/opt/wheels/build-flash-attn \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python /tmp/pylock.heavy.toml \
 && UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/build-flash-attn --python /opt/venv/bin/python 'flash-attn==2.8.3' \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/uv_cache.json' -delete \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/RECORD' -exec sed -i '/\.dist-info\/uv_cache\.json,sha256=/d' {} + \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv

FROM empty AS light
RUN --mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv \
    --mount=type=bind,source=.envctl/image/pylock.light.toml,target=/tmp/pylock.light.toml \
    --mount=type=bind,from=build-made-c,source=/wheels,target=/opt/wheels/build-made-c \
    --mount=type=cache,id=envctl-uv,target=/root/.cache/uv \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python /tmp/pylock.light.toml \
 && case $(uname -m) in aarch64) UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/build-made-c --python /opt/venv/bin/python 'made-c==1.0+x.1';; esac \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/uv_cache.json' -delete \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/RECORD' -exec sed -i '/\.dist-info\/uv_cache\.json,sha256=/d' {} + \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv
# <<< envctl <<<

# >>> envctl, continued: generated as well; between the two, your own stages may stand >>>
FROM base AS final
COPY --from=heavy /opt/venv /opt/venv
RUN echo 'app:x:10001:0::/var/cache/app:/bin/sh' >> /etc/passwd \
 && install -d -m 1777 /var/cache/app \
 && touch --no-dereference --date=1980-01-01T00:00:00Z /etc/passwd /etc /var/cache/app /var/cache \
 && install -d -m 0755 /app \
 && touch --no-dereference --date=1980-01-01T00:00:00Z /app
COPY --from=light /opt/venv /opt/venv
LABEL org.opencontainers.image.title="Kernels_of.Ours" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm" \
      org.opencontainers.image.base.digest="sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" \
      io.envctl.slice.linux-x86_64="sha256:17931b45a6b4b9b944fad2a480c968b3d8b5b09b58b8e6c29184fb6f130e4134" \
      io.envctl.slice.linux-aarch64="sha256:286089bf654581508534d7953461630c7e981a36427df952df891937292ca3b9" \
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
COPY --chmod=0444 [".envctl/image/contract.json", ".envctl/image/preflight.py", "/opt/envctl/"]
COPY --from=project /opt/venv /opt/venv
RUN ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "build"]
WORKDIR /app
USER 10001:0
EXPOSE 8000 9090
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD ["python", "-m", "kernels.alive", "--quiet"]
ENTRYPOINT ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "start", "--"]
CMD ["kernels"]
# <<< envctl <<<
