# One image for every service of compose.yaml and for Kubernetes: docs/deployment.md.
#
#   docker build --tag pedigree .                                            # computes on the processor
#   docker build --tag pedigree --build-arg EXTRAS=flows,gpu,kubernetes,s3 . # with the CUDA libraries
#
# It holds the environment. The project (code, data, runs/, DVC's cache) is a volume at /pedigree.

FROM python:3.11-slim-bookworm AS environment
WORKDIR /build
COPY constraints.txt constraints-compute.txt ./
RUN python3 -m venv /opt/uv && \
    /opt/uv/bin/pip install --no-cache-dir "$(grep '^uv==' constraints.txt)" && \
    python3 -m venv --without-pip /opt/venv
ENV PATH=/opt/uv/bin:$PATH VIRTUAL_ENV=/opt/venv UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_CONSTRAINT=constraints.txt
ARG EXTRAS=flows,kubernetes,s3,studio,video
COPY pyproject.toml ./
# hadolint ignore=SC2046,SC2086
RUN IFS=, && uv pip install --requirements pyproject.toml $(printf -- '--extra=%s,' $EXTRAS)
COPY README.md LICENSE ./
COPY src src
RUN uv pip install --no-deps .

FROM python:3.11-slim-bookworm
ARG USER_ID=1000
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends git && \
    rm -rf /var/lib/apt/lists/* && \
    git config --system safe.directory '*' && \
    useradd --uid "$USER_ID" --create-home pedigree && \
    install --directory --owner pedigree /pedigree
COPY --from=environment /opt/venv /opt/venv
COPY deploy/container_init.py /opt/
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
ENTRYPOINT ["python", "/opt/container_init.py"]
CMD ["pedigree", "--help"]
