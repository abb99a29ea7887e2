# nerbb_ray with Ray, for a computer with Docker and for Kubernetes (configs/kuberay-rayjob.yaml):
#
#   docker build --tag nerbb .                                 for CPUs
#   docker build --tag nerbb:cuda --build-arg DEVICE=cuda .    for NVIDIA's GPUs; only their driver is needed outside
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm

# KubeRay asks every pod with wget whether it is well; pgrep is for the end of a pod
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends procps wget && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 nerbb && mkdir -p /opt/nerbb /mnt/nerbb/store && chown nerbb /mnt/nerbb/store

WORKDIR /opt/nerbb
ENV NERBB_STORE=/mnt/nerbb/store PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    RAY_USAGE_STATS_ENABLED=0

# torch comes first and alone; its build for GPUs, which brings CUDA along, is the one that pip finds by itself
ARG DEVICE=cpu
COPY constraints.txt .
# hadolint ignore=DL3013
RUN case "$DEVICE" in \
        cpu) set -- --index-url https://download.pytorch.org/whl/cpu ;; \
        cuda) set -- ;; \
        *) echo "DEVICE must be cpu or cuda, got $DEVICE" >&2; exit 1 ;; \
    esac && python -m pip install "$@" "$(grep '^torch==' constraints.txt)"

# everything else that is not of this repository, so that a change of it costs seconds
COPY pyproject.toml README.md LICENSE ./
COPY nerbb_ray/__init__.py nerbb_ray/
RUN python -m pip install --constraint constraints.txt --editable '.[quickstart]'

COPY nerbb_ray nerbb_ray
COPY configs configs
# your data, too: what a store that is empty gets
COPY store/datasets store/datasets

USER 1000
CMD ["nerbb", "--help"]
