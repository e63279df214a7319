# One image for every role (REPRISE_ROLE=all, api or worker). Builds with the classic builder and with BuildKit alike:
# no RUN --mount, no heredocs. What changes most often comes last, so that a change of code copies one folder.

# images.env says which; a test holds this line to it.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

# ── what has to be installed, in a stage that is thrown away ─────────────────────────────────────────────────────
FROM ${PYTHON_IMAGE} AS installed

# Process 1 of the container: it passes signals on and reaps what nobody waits for. Python in its place would not hear
# SIGTERM before it has started, since the kernel spares process 1 whatever it has not asked for.
RUN apt-get -qq -o Acquire::Retries=3 update \
 && apt-get -qq -o Acquire::Retries=3 install --yes --no-install-recommends tini

COPY requirements/runtime.txt /tmp/
# Modules are compiled here: in a read-only root file system nothing could keep what is compiled later.
RUN python -m venv --without-pip /opt/reprise \
 && python -m pip --python /opt/reprise install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
    --quiet --require-hashes -r /tmp/runtime.txt

# ── the image ────────────────────────────────────────────────────────────────────────────────────────────────────
FROM ${PYTHON_IMAGE}

LABEL org.opencontainers.image.title="Reprise" \
      org.opencontainers.image.description="Converts audio, and picks the work up again when it is killed" \
      org.opencontainers.image.licenses="Apache-2.0"

# The folder is for the volume that may be mounted there; a new one takes its owner over.
RUN useradd --system --uid 10001 --user-group --home-dir /tmp --shell /usr/sbin/nologin reprise \
 && install --directory --owner=reprise --group=reprise --mode=0700 /scratch

COPY --from=installed /usr/bin/tini /usr/local/bin/
COPY --from=installed /opt/reprise /opt/reprise

ENV PATH=/opt/reprise/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REPRISE_HOST=0.0.0.0

WORKDIR /srv/reprise
COPY deploy/healthy.py LICENSE ./
COPY reprise reprise
COPY service service
# Read-only, as all the rest: these are never compared with their sources again.
RUN python -m compileall -q --invalidation-mode unchecked-hash reprise service

USER 10001:10001
EXPOSE 8080 8081
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-I", "-S", "healthy.py"]
ENTRYPOINT ["tini", "--", "python", "-m", "service"]
CMD ["serve"]
