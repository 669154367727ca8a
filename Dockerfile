# One image for every service of compose.yaml and for the jobs in Kubernetes. docs/deployment.md says how to use it.
#
#   docker build --tag pedigree .                                            # computes on the processor
#   docker build --tag pedigree-gpu --build-arg EXTRAS=flows,gpu,studio .    # with the CUDA libraries
#
# It holds the environment. The project itself (code, data, runs/, DVC's cache) is a volume at /pedigree.

FROM python:3.11-slim-bookworm AS environment
ARG EXTRAS=flows,kubernetes,s3,studio,video
WORKDIR /build
COPY constraints.txt constraints-compute.txt ./
RUN python3 -m venv /opt/uv && \
    /opt/uv/bin/pip install --no-cache-dir "$(grep '^uv==' constraints.txt)"
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python3 -m venv --without-pip /opt/venv && \
    VIRTUAL_ENV=/opt/venv /opt/uv/bin/uv pip install --no-cache --compile-bytecode --constraints constraints.txt ".[$EXTRAS]"

FROM python:3.11-slim-bookworm
ARG USER_ID=1000
RUN apt-get update && \
    apt-get install --yes --no-install-recommends git tini && \
    rm -rf /var/lib/apt/lists/* && \
    git config --system safe.directory '*' && \
    useradd --uid "$USER_ID" --create-home pedigree && \
    install --directory --owner pedigree /pedigree
COPY --from=environment /opt/venv /opt/venv
# The code of the volume comes before the installed copy.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/pedigree/src \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    DVC_NO_ANALYTICS=1 \
    GX_ANALYTICS_ENABLED=False \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
WORKDIR /pedigree
USER $USER_ID
# tini passes SIGTERM on and removes processes that have ended.
ENTRYPOINT ["tini", "--"]
CMD ["pedigree", "--help"]
