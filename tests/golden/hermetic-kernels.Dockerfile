# >>> envctl: generated, change pyproject.toml and run 'envctl dockerize' >>>
# block sha256:057305daf060724fd73c202e1092f3853be1d853db89cb80641925e5a20cad23
# slice linux-x86_64 sha256:17931b45a6b4b9b944fad2a480c968b3d8b5b09b58b8e6c29184fb6f130e4134
# slice linux-aarch64 sha256:286089bf654581508534d7953461630c7e981a36427df952df891937292ca3b9
# settings sha256:be65b146aa49403fe5a66ed872783c48e1e6b73c8826317734dc1a8787b69e6a
# python 3.11
# source ["pyproject.toml", "LICENSE", "README.md", "setup.cfg", "src"]
# builds sha256:2e489da491f5329d1c9a55e764a826531b8698a70a74e33af7a129ed2550b66e
# file contract.json sha256:ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356
# file uv.txt sha256:2c38c529b6ea8ab8a55971a26bfd14a3796c15cd7328fe35e9e8a665a87b8cdc
#
# Build:        docker build --network none --tag NAME --file Dockerfile .
# or:           podman build --network none --tag NAME --file Dockerfile .
# It reads the wheels in .envctl/image/wheels, which are not committed:
# `envctl dockerize` fetches them.

FROM docker.io/library/python:3.11-slim-bookworm@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd AS base

FROM base AS uv
WORKDIR /opt/bundle/wheels/uv
COPY .envctl/image/uv.txt .envctl/image/wheels/uv/ ./
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && python3 -m venv /opt/uv \
 && /opt/uv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: --no-index --find-links . -r uv.txt

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
COPY --from=uv /opt/uv /opt/uv
WORKDIR /opt/bundle/wheels/package
COPY .envctl/image/pylock.package.toml /opt/bundle/
COPY .envctl/image/wheels/package/ ./
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python --offline --no-cache /opt/bundle/pylock.package.toml
COPY ["pyproject.toml", "/opt/source/pyproject.toml"]
COPY ["LICENSE", "/opt/source/LICENSE"]
COPY ["README.md", "/opt/source/README.md"]
COPY ["setup.cfg", "/opt/source/setup.cfg"]
COPY ["src", "/opt/source/src"]
RUN UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM builder AS build-made-ninja
ENV PATH=/opt/build/bin:$PATH \
    PYTHONNOUSERSITE="1" \
    SOURCE_DATE_EPOCH="315532800" \
    VIRTUAL_ENV="/opt/build"
COPY --from=uv /opt/uv /opt/uv
WORKDIR /opt/bundle/wheels/build-made-ninja
COPY .envctl/image/pylock.build-made-ninja.toml .envctl/image/fetch.py /opt/bundle/
COPY .envctl/image/wheels/build-made-ninja/ ./
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && python3 /opt/bundle/fetch.py ./made_ninja-1.12.tar.gz /opt/source \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python --offline --no-cache /opt/bundle/pylock.build-made-ninja.toml
RUN UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM builder AS build-made-c
ENV PATH=/opt/build/bin:$PATH \
    PYTHONNOUSERSITE="1" \
    SOURCE_DATE_EPOCH="315532800" \
    VIRTUAL_ENV="/opt/build"
COPY --from=uv /opt/uv /opt/uv
WORKDIR /opt/bundle/wheels/build-made-c
COPY .envctl/image/pylock.build-made-c.toml .envctl/image/fetch.py /opt/bundle/
COPY .envctl/image/wheels/build-made-c/ ./
RUN case $(uname -m) in aarch64) ;; *) mkdir -p /wheels; exit 0;; esac \
 && sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && python3 /opt/bundle/fetch.py ./made_c-1.0+x.1.tar.gz /opt/source \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python --offline --no-cache /opt/bundle/pylock.build-made-c.toml
RUN case $(uname -m) in aarch64) ;; *) mkdir -p /wheels; exit 0;; esac \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM builder AS build-flash-attn
ENV PATH=/opt/build/bin:$PATH \
    PYTHONNOUSERSITE="1" \
    SOURCE_DATE_EPOCH="315532800" \
    VIRTUAL_ENV="/opt/build"
ENV MAX_JOBS="4"
ENV NVCC_PREPEND_FLAGS="-D'X=\"\$HOME\"'"
ENV TORCH_CUDA_ARCH_LIST="5.0;6.0;7.0;7.5;8.0;8.6;9.0"
COPY --from=uv /opt/uv /opt/uv
WORKDIR /opt/bundle/wheels/build-flash-attn
COPY .envctl/image/pylock.build-flash-attn.toml .envctl/image/fetch.py /opt/bundle/
COPY .envctl/image/wheels/build-flash-attn/ ./
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && python3 /opt/bundle/fetch.py ./flash_attn-2.8.3.tar.gz /opt/source \
 && python3 -m venv --without-pip /opt/build \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/build/bin/python --offline --no-cache /opt/bundle/pylock.build-flash-attn.toml
COPY --from=build-made-ninja /wheels /opt/wheels/build-made-ninja
RUN UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/build-made-ninja --python /opt/build/bin/python 'made-ninja==1.12' \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv build --wheel --no-config --no-cache --offline --force-pep517 --no-build-isolation --no-create-gitignore --python /opt/build/bin/python --out-dir /wheels /opt/source

FROM empty AS project
COPY --from=uv /opt/uv /opt/uv
COPY --from=package /wheels /opt/wheels/package
RUN UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/package --python /opt/venv/bin/python 'kernels-of-ours' \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/uv_cache.json' -delete \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/RECORD' -exec sed -i '/\.dist-info\/uv_cache\.json,sha256=/d' {} + \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv

FROM empty AS heavy
COPY --from=uv /opt/uv /opt/uv
WORKDIR /opt/bundle/wheels/heavy
COPY .envctl/image/pylock.heavy.toml /opt/bundle/
COPY .envctl/image/wheels/heavy/ ./
COPY --from=build-flash-attn /wheels /opt/wheels/build-flash-attn
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python --offline --no-cache /opt/bundle/pylock.heavy.toml \
 && UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/build-flash-attn --python /opt/venv/bin/python 'flash-attn==2.8.3' \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/uv_cache.json' -delete \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/RECORD' -exec sed -i '/\.dist-info\/uv_cache\.json,sha256=/d' {} + \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv

FROM empty AS light
COPY --from=uv /opt/uv /opt/uv
WORKDIR /opt/bundle/wheels/light
COPY .envctl/image/pylock.light.toml /opt/bundle/
COPY .envctl/image/wheels/light/ ./
COPY --from=build-made-c /wheels /opt/wheels/build-made-c
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python --offline --no-cache /opt/bundle/pylock.light.toml \
 && case $(uname -m) in aarch64) UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never /opt/uv/bin/uv pip install --no-config --no-cache --no-build --no-deps --no-index --find-links /opt/wheels/build-made-c --python /opt/venv/bin/python 'made-c==1.0+x.1';; esac \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/uv_cache.json' -delete \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/RECORD' -exec sed -i '/\.dist-info\/uv_cache\.json,sha256=/d' {} + \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv

FROM base AS proof
COPY [".envctl/image/contract.json", ".envctl/image/preflight.py", "/opt/envctl/"]
RUN ["chmod", "-R", "0444", "/opt/envctl/contract.json", "/opt/envctl/preflight.py"]
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
COPY --from=proof /opt/envctl /opt/envctl
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
