# >>> envctl: generated, change pyproject.toml and run 'envctl dockerize' >>>
# block sha256:5828b9a59692baefd38966ef7c923db456b83db7dcf090b9d1fb3e65eeb45618
# slice linux-x86_64 sha256:f7dc051e3b437f9385f90b58c8adc715d8974f999d49ec20700912a7b56fc7c0
# slice linux-aarch64 sha256:5fd723106b447a0921444b64bf74b277fa23eaaa5f0805b26474951292148f52
# settings sha256:50f373bbc068f260a810d1f977d43f77682b50a5e1577909739571d606b5497c
# python 3.11
# source ["src"]
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

FROM empty AS heavy
COPY --from=uv /opt/uv /opt/uv
WORKDIR /opt/bundle/wheels/heavy
COPY .envctl/image/pylock.heavy.toml /opt/bundle/
COPY .envctl/image/wheels/heavy/ ./
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python --offline --no-cache /opt/bundle/pylock.heavy.toml \
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
RUN sha256sum --check --strict --quiet SHA256SUMS || { echo 'envctl: these files are missing or altered: run envctl dockerize, then build again' >&2; exit 1; } \
 && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock --python /opt/venv/bin/python --offline --no-cache /opt/bundle/pylock.light.toml \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/uv_cache.json' -delete \
 && find /opt/venv/lib/python3*/site-packages -maxdepth 2 -path '*.dist-info/RECORD' -exec sed -i '/\.dist-info\/uv_cache\.json,sha256=/d' {} + \
 && rm -f /opt/venv/.lock /opt/venv/.gitignore \
 && find /opt/venv -exec touch --no-dereference --date=1980-01-01T00:00:00Z {} + \
 && chmod -R a+rX,a-w /opt/venv

FROM base AS proof
COPY [".envctl/image/contract.json", ".envctl/image/preflight.py", "/opt/envctl/"]
RUN ["chmod", "-R", "0444", "/opt/envctl/contract.json", "/opt/envctl/preflight.py"]

FROM base AS source
COPY ["src", "/app/src"]
RUN ["chmod", "-R", "0555", "/app/src"]
# <<< envctl <<<

# >>> envctl, continued: generated as well; between the two, your own stages may stand >>>
FROM base AS final
COPY --from=heavy /opt/venv /opt/venv
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
COPY --from=proof /opt/envctl /opt/envctl
RUN ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "build"]
COPY --from=source /app /app
WORKDIR /app
USER 10001:0
ENTRYPOINT ["/opt/venv/bin/python", "-I", "-S", "-B", "/opt/envctl/preflight.py", "--phase", "start", "--"]
CMD ["python", "-m", "vision"]
# <<< envctl <<<
