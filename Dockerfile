# One image for the Prefect server, the worker, every flow run, the webhook and the toolbox.
# Base: tag pinned to a patch release; pin its digest too with --build-arg BASE=…@sha256:…
ARG BASE=python:3.11.15-slim

# --- build: everything below /opt/venv; nothing else leaves this stage ------------------------
FROM ${BASE} AS build
WORKDIR /src
# --without-pip: the final virtual environment carries no installer.
RUN python -m venv --without-pip /opt/venv && python -m venv /opt/build
COPY requirements-image.lock requirements-build.lock ./
RUN pip --python /opt/venv/bin/python install \
        --no-cache-dir --no-deps --require-hashes -r requirements-image.lock \
    && /opt/build/bin/pip install \
        --no-cache-dir --no-deps --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE prefect.yaml ./
COPY harness ./harness
COPY flows ./flows
COPY deployments ./deployments
# The build backend comes from the lock, in its own environment: no network, no isolation.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl
# -P: the installed package, not the one in this folder.
RUN cp -R "$(/opt/venv/bin/python -P -c \
        'from harness.stack.bundle import code_dir; print(code_dir())')" /opt/harness

# --- final ------------------------------------------------------------------------------------
FROM ${BASE} AS final
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="harness" \
      org.opencontainers.image.description="A private code assistant that runs on a team's own hardware" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Debian drops superseded versions from its archive, so pinning these would break the build within
# weeks; the base image's patch release fixes the distribution instead.
# tini is PID 1: it forwards SIGTERM and reaps what agent commands leave behind.
# Repositories come from a volume with somebody else's uid: git must be told that this is fine, and
# must run no hook found there.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client ripgrep tini \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && git config --system core.hooksPath /dev/null \
    && groupadd --gid 10001 harness \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /home/harness \
        --shell /usr/sbin/nologin harness
COPY --from=build /opt/venv /opt/venv
# Flow code at a fixed path: deployments name it (HARNESS_CODE_DIR), Jobs run it from here.
COPY --from=build /opt/harness /opt/harness
# PATH only: every setting comes from the ConfigMap, a Secret or the pod.
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /opt/harness
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["harness", "--help"]
