# The same steps as `make setup`, in a container.
#
#   docker build -t apprentice .                                          CPU
#   docker build -t apprentice --build-arg APPRENTICE_LOCK=cuda \
#       --build-arg BASE=nvidia/cuda:13.0.1-base-ubuntu22.04 .            GPUs
#   docker run --rm -it --shm-size=2g -v "$PWD/runs:/apprentice/runs" apprentice
#
# The CUDA lock includes the CUDA libraries. Only the base image's C library matters, and the host's
# NVIDIA driver and container runtime (`docker run --gpus all`).
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends g++ git make \
        $(command -v python3.11 >/dev/null || echo python3.11 python3.11-dev python3.11-venv) \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home apprentice && install -d -o apprentice /apprentice /apprentice/runs
USER apprentice
WORKDIR /apprentice

# the environment first: it changes less often than the code
ARG APPRENTICE_LOCK=cpu
ENV APPRENTICE_LOCK=${APPRENTICE_LOCK} PIP_NO_CACHE_DIR=1
COPY --chown=apprentice requirements requirements
COPY --chown=apprentice scripts scripts
RUN bash scripts/setup.sh

COPY --chown=apprentice . .
CMD ["make", "demo"]
